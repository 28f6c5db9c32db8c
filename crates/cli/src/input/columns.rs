//! Assigns the columns of an input: to parameters, to labels, or to none.

use std::sync::Arc;

use alibabacloud_cams::descriptor::ActionDescriptor;

use crate::output::printable;

/// The user's settings for columns.
#[derive(Debug, Default)]
pub(crate) struct Columns {
    /// Whether columns that are not parameters are refused.
    pub(crate) strict: bool,
    /// Pairs of a column's name and its parameter.
    pub(crate) named: Vec<(String, String)>,
    /// Columns that are labels although their name resembles a parameter.
    pub(crate) labels: Vec<String>,
}

/// The content of a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Column {
    /// The parameter with this index.
    Parameter(usize),
    /// A label: kept in the journal and the report.
    Label(Arc<str>),
    /// Has no name, and is ignored.
    Unnamed,
}

impl Columns {
    /// Assigns each column by its name.
    ///
    /// # Errors
    /// All problems with the names.
    pub(super) fn assign<'n>(
        &self,
        action: &ActionDescriptor,
        names: impl IntoIterator<Item = &'n str>,
    ) -> Result<Vec<Column>, Vec<String>> {
        // The name of a column can contain line breaks.
        let names: Vec<String> = names.into_iter().map(clean).collect();
        let found: Vec<Option<usize>> = names.iter().map(|name| self.parameter(action, name)).collect();
        let mut columns: Vec<Column> = Vec::new();
        let mut problems = Vec::new();
        for (index, (name, parameter)) in names.iter().zip(&found).enumerate() {
            let shown = shown(name, index + 1);
            let column = match parameter {
                _ if name.is_empty() => Column::Unnamed,
                Some(parameter) if columns.contains(&Column::Parameter(*parameter)) => {
                    problems.push(format!(
                        "the column {shown} is a second {}; remove one of them",
                        action.parameters[*parameter].name
                    ));
                    continue;
                }
                Some(parameter) => Column::Parameter(*parameter),
                None if self.strict => {
                    problems
                        .push(format!("the column {shown} is not a parameter; the parameters are {}", known(action)));
                    continue;
                }
                None => match self.close_to(action, name, &found) {
                    Some(parameter) => {
                        let parameter = action.parameters[parameter].name;
                        problems.push(format!(
                            "is the column {shown} the parameter {parameter}? If so, rename it or add `--column \"{0}={parameter}\"`; if not, add \
                             `--label \"{0}\"`",
                            printable(name)
                        ));
                        continue;
                    }
                    None => Column::Label(unique(name, &columns)),
                },
            };
            columns.push(column);
        }
        for (column, parameter) in &self.named {
            if !action.parameters.iter().any(|known| known.name == parameter) {
                problems.push(format!(
                    "--column: `{}` is not a parameter; the parameters are {}",
                    printable(parameter),
                    known(action)
                ));
            } else if !names.iter().any(|name| same(name, column)) {
                problems.push(format!("--column: the input has no column `{}`", printable(column)));
            }
        }
        for label in self.labels.iter().filter(|label| !names.iter().any(|name| same(name, label))) {
            problems.push(format!("--label: the input has no column `{}`", printable(label)));
        }
        let has = |parameter: usize| found.contains(&Some(parameter));
        let missing =
            action.parameters.iter().enumerate().filter(|(index, parameter)| parameter.required && !has(*index));
        let missing: Vec<&str> = missing.map(|(_, parameter)| parameter.name).collect();
        if let [first, ..] = missing[..] {
            let (is, name) = if missing.len() == 1 { ("column", "is") } else { ("columns", "are") };
            problems.push(format!(
                "the {is} {} {name} missing, and required. The first line must name the columns; assign a column of another name \
                 with `--column \"NAME={first}\"`",
                missing.join(", ")
            ));
        }
        if problems.is_empty() { Ok(columns) } else { Err(problems) }
    }

    /// Assigns the keys of a JSON line; an error for each key that cannot be used.
    pub(super) fn of_keys<'k>(
        &self,
        action: &ActionDescriptor,
        keys: impl Iterator<Item = &'k str> + Clone,
    ) -> Vec<Result<Column, String>> {
        let found: Vec<Option<usize>> = keys.clone().map(|key| self.parameter(action, key)).collect();
        let of_key = |(index, key): (usize, &str)| {
            if let Some(parameter) = found[index] {
                return Ok(Column::Parameter(parameter));
            }
            let shown = shown(key, index + 1);
            if self.strict {
                return Err(format!("the key {shown} is not a parameter; the parameters are {}", known(action)));
            }
            match self.close_to(action, key, &found) {
                Some(parameter) => {
                    let parameter = action.parameters[parameter].name;
                    Err(format!(
                        "is the key {shown} the parameter {parameter}? If so, rename it or use --column; if not, use --label"
                    ))
                }
                None => Ok(Column::Label(key.into())),
            }
        };
        keys.enumerate().map(of_key).collect()
    }

    /// The parameter of a column: the one that the user assigned, else the one with the same name in any style
    /// (`CustSpaceId`, `cust-space-id`, `Cust Space ID`).
    fn parameter(&self, action: &ActionDescriptor, column: &str) -> Option<usize> {
        let position = |is: &dyn Fn(&str) -> bool| action.parameters.iter().position(|parameter| is(parameter.name));
        if let Some((_, parameter)) = self.named.iter().find(|(name, _)| same(name, column)) {
            return position(&|name| name == parameter);
        }
        if self.labels.iter().any(|label| same(label, column)) {
            return None;
        }
        position(&|name| name == column).or_else(|| position(&|name| plain(name) == plain(column)))
    }

    /// The parameter whose name resembles that of the column: a misspelling, or a part of the name.
    ///
    /// A part of a name only counts while no other column has that parameter: `Country` beside `CountryCode` is a
    /// label.
    fn close_to(&self, action: &ActionDescriptor, column: &str, found: &[Option<usize>]) -> Option<usize> {
        if self.labels.iter().any(|label| same(label, column)) {
            return None;
        }
        let column = plain(column);
        let is_close = |(index, name): (usize, &str)| {
            let name = plain(name);
            let misspelled = strsim::osa_distance(&column, &name) <= name.chars().count() / 5;
            let (short, long) = if column.len() < name.len() { (&column, &name) } else { (&name, &column) };
            // `Space ID`, `Mobile`, `Number`, `Mobile No`, `CustSpaceIdNew`.
            let part =
                short.chars().count() >= 4 && (long.starts_with(short.as_str()) || long.ends_with(short.as_str()));
            let shared = name.chars().zip(column.chars()).take_while(|(a, b)| a == b).count();
            let beginning = shared >= 6 && shared * 2 >= name.len();
            misspelled || ((part || beginning) && !found.contains(&Some(index)))
        };
        action
            .parameters
            .iter()
            .map(|parameter| parameter.name)
            .enumerate()
            .find(|it| is_close(*it))
            .map(|(index, _)| index)
    }
}

/// The name of a column in one line, without surrounding blanks and invisible characters.
fn clean(name: &str) -> String {
    let words = name.split(|c: char| c.is_whitespace() || c.is_control() || c == '\u{feff}' || c == '\u{200b}');
    words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

fn plain(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

fn same(one: &str, other: &str) -> bool {
    clean(one) == clean(other) || (!plain(one).is_empty() && plain(one) == plain(other))
}

/// The name of a label, with a number appended if the name is taken.
fn unique(name: &str, columns: &[Column]) -> Arc<str> {
    let taken = |name: &str| columns.iter().any(|column| matches!(column, Column::Label(label) if **label == *name));
    if !taken(name) {
        return name.into();
    }
    let numbered = (2..=u32::MAX).map(|number| format!("{name} ({number})")).find(|name| !taken(name));
    numbered.unwrap_or_default().into()
}

/// The name of a column if it looks like one, else its number: a file without a header has values in that place.
fn shown(column: &str, number: usize) -> String {
    let digits = column.chars().filter(|c| c.is_numeric()).count();
    let is_name = column.starts_with(|c: char| c.is_alphabetic()) && digits < 4 && column.chars().count() <= 60;
    if is_name { format!("`{}`", printable(column)) } else { format!("number {number}") }
}

fn known(action: &ActionDescriptor) -> String {
    action.parameters.iter().map(|parameter| parameter.name).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assign(columns: &Columns, names: &[&str]) -> Result<Vec<Column>, Vec<String>> {
        let action = alibabacloud_cams::PRODUCT.action("CreateChatappMigrationInitiate").expect("a known action");
        columns.assign(action, names.iter().copied())
    }

    const ALL: [&str; 3] = ["CustSpaceId", "MobileNumber", "CountryCode"];

    #[test]
    fn unknown_columns_are_labels_unless_their_name_resembles_a_parameter() {
        let with = |name: &str| assign(&Columns::default(), &[&ALL[..], &[name]].concat());
        for label in
            ["Customer", "客户", "Notes", "Country", "Number", "Contact e-mail", "Space name", "Mobile operator", "ID"]
        {
            assert_eq!(with(label).map(|columns| columns[3].clone()), Ok(Column::Label(label.into())), "{label}");
        }
        for close in ["CustSpceId", "Cust Spaces Id", "Mobile Numbr", "Contry Code", "country-cod", "MobileNumber2"] {
            let problems = with(close).unwrap_err();
            assert!(problems.len() == 1 && problems[0].starts_with("is the column"), "{close}: {problems:?}");
        }
        // The parameter itself is missing.
        for (close, parameter) in [
            ("Space ID", "CustSpaceId"),
            ("Mobile", "MobileNumber"),
            ("Country", "CountryCode"),
            ("Mobile No.", "MobileNumber"),
            ("Number", "MobileNumber"),
        ] {
            let names: Vec<&str> = ALL.iter().copied().filter(|name| *name != parameter).chain([close]).collect();
            let problems = assign(&Columns::default(), &names).unwrap_err();
            assert!(
                problems[0].contains(&format!("the parameter {parameter}?")) && problems[1].contains("missing"),
                "{close}: {problems:?}"
            );
        }
        let strict = Columns { strict: true, ..Columns::default() };
        assert!(
            assign(&strict, &["CustSpaceId", "MobileNumber", "CountryCode", "Customer"]).unwrap_err()[0]
                .contains("`Customer` is not a parameter")
        );
    }

    #[test]
    fn options_assign_columns() {
        let columns = Columns {
            named: vec![("手机号".to_owned(), "MobileNumber".to_owned())],
            labels: vec!["Cust Space".to_owned()],
            strict: false,
        };
        let assigned = assign(&columns, &["手机号", "cust space id", "Country\nCode", "Cust Space", ""]).unwrap();
        assert_eq!(
            assigned,
            [
                Column::Parameter(1),
                Column::Parameter(0),
                Column::Parameter(2),
                Column::Label("Cust Space".into()),
                Column::Unnamed
            ]
        );
        let problems = assign(&columns, &ALL).unwrap_err();
        assert!(
            problems.iter().any(|problem| problem.contains("no column `手机号`"))
                && problems.iter().any(|problem| problem.contains("no column `Cust Space`")),
            "{problems:?}"
        );
        let columns = Columns { named: vec![("a".to_owned(), "b".to_owned())], ..Columns::default() };
        assert!(assign(&columns, &ALL).unwrap_err()[0].contains("`b` is not a parameter"));
    }

    #[test]
    fn labels_with_the_same_name_are_numbered_and_a_second_parameter_is_refused() {
        let names = [&ALL[..], &["Note", "Note", "\u{feff}Note "]].concat();
        let labels: Vec<Column> = assign(&Columns::default(), &names).unwrap().split_off(3);
        assert_eq!(
            labels,
            [Column::Label("Note".into()), Column::Label("Note (2)".into()), Column::Label("Note (3)".into())]
        );
        let twice = [&ALL[..], &["country_code"]].concat();
        assert!(assign(&Columns::default(), &twice).unwrap_err()[0].contains("second CountryCode"));
    }
}
