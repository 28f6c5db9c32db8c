//! Converts names on the wire to Rust names: case, and escapes for names that Rust or the generated code uses.

use heck::{ToShoutySnakeCase, ToSnakeCase};

/// The kind of item that a name is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A member of an object.
    Field,
    /// A parameter of a request: a field, a setter and a type parameter of the builder.
    Parameter,
    /// The module of an action.
    Module,
    /// A request, or the product, at the root of the crate.
    Request,
    /// An object or enumeration.
    Type,
    /// A value of an enumeration.
    Variant,
    /// The descriptor of an error.
    Static,
}

/// The Rust name for a name on the wire. It is always a valid identifier.
///
/// - Characters other than letters and digits separate words. A name without letters and digits is spelled out, and so
///   are the symbols that have a meaning in values (`+1`, `<=5`).
/// - Letters beyond ASCII become their code points (`u4e2d`).
/// - A leading digit gets the prefix `value`.
/// - Of several names that become equal, the first in the specification has the plain name, and the others a number
///   (see [`numbered`]); their documentation shows their names on the wire.
/// - Keywords become raw identifiers if possible; other reserved names get the suffix `_`, types the suffix `Type`.
pub fn rust_name(wire: &str, kind: Kind) -> String {
    let words = words(wire, kind);
    let mut name = match kind {
        Kind::Field | Kind::Parameter | Kind::Module => words.join("_").to_snake_case(),
        Kind::Static => words.join("_").to_shouty_snake_case(),
        Kind::Request | Kind::Type | Kind::Variant => upper_camel(&words),
    };
    if name.starts_with(|c: char| c.is_ascii_digit()) {
        name.insert_str(
            0,
            match kind {
                Kind::Field | Kind::Parameter | Kind::Module => "value_",
                Kind::Static => "VALUE_",
                Kind::Request | Kind::Type | Kind::Variant => "Value",
            },
        );
    }
    match reserved(&name, kind) {
        None => name,
        Some(Reserved::Keyword) => format!("r#{name}"),
        Some(Reserved::Special | Reserved::Used) if matches!(kind, Kind::Request | Kind::Type) => format!("{name}Type"),
        Some(Reserved::Special | Reserved::Used) => format!("{name}_"),
    }
}

/// The name with a number, for the second and further items with the same plain name: `owner_id_2`,
/// `Paused2`, `Value1_2`.
pub fn numbered(name: &str, number: usize, kind: Kind) -> String {
    let name = name.strip_prefix("r#").unwrap_or(name).trim_end_matches('_');
    let apart = match kind {
        Kind::Field | Kind::Parameter | Kind::Module | Kind::Static => true,
        Kind::Request | Kind::Type | Kind::Variant => name.ends_with(|c: char| c.is_ascii_digit()),
    };
    format!("{name}{}{number}", if apart { "_" } else { "" })
}

/// The reason why a name in a specification cannot be used; `None` if it can.
pub fn objection(name: &str, kind: Kind) -> Option<&'static str> {
    let in_style = match kind {
        Kind::Field | Kind::Parameter | Kind::Module => {
            name.starts_with(|c: char| c.is_ascii_lowercase())
                && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        }
        Kind::Request | Kind::Type | Kind::Variant | Kind::Static => {
            let digits_around = |(index, _): (usize, &str)| {
                let (before, after) = (&name[..index], &name[index + 1..]);
                before.ends_with(|c: char| c.is_ascii_digit()) && after.starts_with(|c: char| c.is_ascii_digit())
            };
            // Where the compiler accepts `_` in `UpperCamelCase`: between digits and at the end.
            name.starts_with(|c: char| c.is_ascii_uppercase())
                && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
                && name.trim_end_matches('_').match_indices('_').all(digits_around)
        }
    };
    match (reserved(name, kind), in_style, kind) {
        (Some(Reserved::Keyword | Reserved::Special), ..) => Some("it is a keyword of Rust"),
        (Some(Reserved::Used), ..) => Some("the generated code uses this name"),
        (None, true, _) => None,
        (None, false, Kind::Field | Kind::Parameter | Kind::Module) => Some("it is not a name in `snake_case`"),
        (None, false, _) => Some("it is not a name in `UpperCamelCase`"),
    }
}

/// The name of one item of a list: `PhoneNumbers` -> `PhoneNumber`.
pub fn singular(name: &str) -> String {
    const SAME: [&str; 6] = ["ss", "us", "is", "Series", "series", "News"];
    let stem = |suffix: &str| name.strip_suffix(suffix).filter(|stem| !stem.is_empty());
    if SAME.iter().any(|ending| name.ends_with(ending)) {
        return name.to_owned();
    }
    if let Some(stem) = stem("ies") {
        return format!("{stem}y");
    }
    let hissing = ["sses", "shes", "ches", "xes", "zzes", "tatuses"].iter().any(|ending| name.ends_with(ending));
    if let (true, Some(stem)) = (hissing, stem("es")) {
        return stem.to_owned();
    }
    stem("s").unwrap_or(name).to_owned()
}

/// The reason why a name is reserved.
enum Reserved {
    /// Allowed as a raw identifier.
    Keyword,
    /// Not even allowed as a raw identifier.
    Special,
    /// Generated code or its macros use the name.
    Used,
}

fn reserved(name: &str, kind: Kind) -> Option<Reserved> {
    let used = match kind {
        Kind::Field | Kind::Static => false,
        Kind::Parameter => USED_PARAMETERS.contains(&name),
        Kind::Module => USED_MODULES.contains(&name) || exports().any(|export| export == name),
        Kind::Type => is_among(&USED_TYPES, name),
        Kind::Request => is_among(&USED_TYPES, name) || exports().any(|export| export == name),
        Kind::Variant => name == "Unrecognized",
    };
    if ["self", "Self", "super", "crate", "_", ""].contains(&name) {
        Some(Reserved::Special)
    } else if used {
        Some(Reserved::Used)
    } else if KEYWORDS.contains(&name) {
        Some(Reserved::Keyword)
    } else {
        None
    }
}

/// The keywords of all editions, reserved ones included, that can be raw identifiers.
const KEYWORDS: &[&str] = &[
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "do", "dyn", "else", "enum",
    "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop", "macro", "match", "mod", "move",
    "mut", "override", "priv", "pub", "ref", "return", "static", "struct", "trait", "true", "try", "type", "typeof",
    "unsafe", "unsized", "use", "virtual", "where", "while", "yield",
];

/// `build` finishes a builder, and `required` is the module of its conditions. A required parameter is also a type
/// parameter of the builder, which would shadow a type or module of its name.
const USED_PARAMETERS: &[&str] = &[
    "build", "required", "types", "bool", "char", "str", "f32", "f64", "i8", "i16", "i32", "i64", "i128", "isize",
    "u8", "u16", "u32", "u64", "u128", "usize",
];

/// Modules of every product, and names that a module at the root of a crate would shadow. `mod` would use the file
/// `mod.rs`.
const USED_MODULES: &[&str] = &[
    "errors",
    "types",
    "mod",
    "generated",
    "runtime",
    "blocking",
    "std",
    "core",
    "alloc",
    "alibabacloud_runtime",
    "alibabacloud_credentials",
    "credentials",
];

/// The prelude; the imports of generated files; the names at the root of every generated crate; the output type.
const USED_TYPES: [&str; 3] = [
    "AsMut AsRef Box Clone Copy Debug Default DoubleEndedIterator Drop Eq Err ExactSizeIterator Extend Fn FnMut FnOnce From \
     FromIterator Future Hash Into IntoFuture IntoIterator Iterator None Ok Option Ord PartialEq PartialOrd Result Self Send \
     Sized Some String Sync ToOwned ToString TryFrom TryInto Unpin Vec",
    "Action ActionDescriptor AuthorizationDescriptor BTreeMap Duration EndpointDescriptor Error ErrorDescriptor Json \
     Method Paged PagingDescriptor PagingStyle ParameterLocation ParameterStyle Product ProductDescriptor RateLimit RegionEndpoint Request \
     Waitable WaiterDescriptor WaiterPart",
    "Client ClientBuilder ErrorCode ErrorKind Output Response",
];

/// The source of the runtime's exports to the root of every generated crate.
const EXPORTS: &str = include_str!("../../../crates/runtime/src/exports.rs");

/// The names that the runtime exports to the root of every generated crate.
pub fn exports() -> impl Iterator<Item = &'static str> {
    let list = EXPORTS.split_once("pub use $crate::{").and_then(|(_, rest)| rest.split_once('}'));
    list.map_or("", |(list, _)| list).split(',').map(str::trim).filter(|name| !name.is_empty())
}

fn is_among(lists: &[&str], name: &str) -> bool {
    lists.iter().any(|names| names.split(' ').any(|used| used == name))
}

/// The words of a name, ASCII letters and digits only; at least one.
fn words(wire: &str, kind: Kind) -> Vec<String> {
    if wire.is_empty() {
        return vec!["Empty".to_owned()];
    }
    let spell_all = !wire.chars().any(char::is_alphanumeric);
    let mut words = Vec::new();
    let mut word = String::new();
    let mut characters = wire.chars().peekable();
    let mut first = true;
    while let Some(c) = characters.next() {
        if c.is_ascii_alphanumeric() {
            word.push(c);
        } else {
            words.extend((!word.is_empty()).then(|| std::mem::take(&mut word)));
            let sign = c == '-' && first && characters.peek().is_some_and(char::is_ascii_digit);
            let meant = kind == Kind::Variant && (sign || "+<>=*%&@#!?~^$".contains(c));
            if spell_all || meant || c.is_alphanumeric() {
                words.push(spelled(c));
            }
        }
        first = false;
    }
    words.extend((!word.is_empty()).then_some(word));
    words
}

/// A word for a character that is not allowed in names.
fn spelled(c: char) -> String {
    let word = match c {
        '+' => "Plus",
        '-' => "Minus",
        '<' => "Less",
        '>' => "Greater",
        '=' => "Equal",
        '*' => "Star",
        '/' => "Slash",
        '\\' => "Backslash",
        '%' => "Percent",
        '&' => "And",
        '|' => "Or",
        '@' => "At",
        '#' => "Hash",
        '$' => "Dollar",
        '!' => "Not",
        '?' => "Question",
        '~' => "Tilde",
        '^' => "Caret",
        '.' => "Dot",
        ',' => "Comma",
        ':' => "Colon",
        ';' => "Semicolon",
        '_' => "Underscore",
        ' ' => "Space",
        '\'' => "Quote",
        '"' => "DoubleQuote",
        '`' => "Backtick",
        '(' | ')' => "Parenthesis",
        '[' | ']' => "Bracket",
        '{' | '}' => "Brace",
        _ => return format!("U{:04X}", u32::from(c)),
    };
    word.to_owned()
}

/// Joins words in `UpperCamelCase`. Words of mixed case are kept (`IAMPolicy`); in others, the first letter and a
/// letter after a digit are upper case (`Tier10K`). `_` separates digits of different numbers (`1.5`).
fn upper_camel(words: &[String]) -> String {
    let mut name = String::new();
    for word in words {
        let spelled_code_point = word.starts_with('U') && word.contains(|c: char| c.is_ascii_digit());
        let mixed = word.contains(|c: char| c.is_ascii_lowercase()) && word.contains(|c: char| c.is_ascii_uppercase());
        if name.ends_with(|c: char| c.is_ascii_digit()) && word.starts_with(|c: char| c.is_ascii_digit()) {
            name.push('_');
        }
        let mut previous = None;
        for c in word.chars() {
            name.push(match previous {
                None => c.to_ascii_uppercase(),
                Some(_) if mixed || spelled_code_point => c,
                Some(before) if char::is_ascii_digit(&before) => c,
                Some(_) => c.to_ascii_lowercase(),
            });
            previous = Some(c);
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_wire_name_has_the_rust_name_of_this_table() {
        use Kind::{Field, Module, Parameter, Static, Type, Variant};
        let table = [
            ("CustSpaceId", Field, "cust_space_id"),
            ("type", Field, "r#type"),
            ("Self", Field, "self_"),
            ("super", Field, "super_"),
            ("Crate", Field, "crate_"),
            ("_", Field, "underscore"),
            ("gen", Field, "r#gen"),
            ("1st", Field, "value_1st"),
            ("a.b-c d/e", Field, "a_b_c_d_e"),
            ("@type", Field, "r#type"),
            ("Größe", Field, "gr_u00f6_u00df_e"),
            ("中文", Field, "u4e2d_u6587"),
            ("", Field, "empty"),
            ("build", Field, "build"),
            ("Build", Parameter, "build_"),
            ("Builder", Parameter, "builder"),
            ("Required", Parameter, "required_"),
            ("Bool", Parameter, "bool_"),
            ("Types", Parameter, "types_"),
            ("ChatappSyncPhoneNumber", Module, "chatapp_sync_phone_number"),
            ("Move", Module, "r#move"),
            ("Mod", Module, "mod_"),
            ("Errors", Module, "errors_"),
            ("UNKNOWN", Variant, "Unknown"),
            ("TIER_10K", Variant, "Tier10K"),
            ("TIER_UNLIMITED", Variant, "TierUnlimited"),
            ("MORE_INFORMATION_REQUESTED", Variant, "MoreInformationRequested"),
            ("Pending_Review", Variant, "PendingReview"),
            ("+1", Variant, "Plus1"),
            ("-1", Variant, "Minus1"),
            ("1", Variant, "Value1"),
            ("1.5", Variant, "Value1_5"),
            ("15", Variant, "Value15"),
            ("", Variant, "Empty"),
            ("<=", Variant, "LessEqual"),
            ("<=5", Variant, "LessEqual5"),
            ("a+b", Variant, "APlusB"),
            ("en-US", Variant, "EnUs"),
            ("Self", Variant, "Self_"),
            ("Unrecognized", Variant, "Unrecognized_"),
            ("None", Variant, "None"),
            ("中", Variant, "U4E2D"),
            ("\u{202e}", Variant, "U202E"),
            ("IAMPolicy", Type, "IAMPolicy"),
            ("phoneNumber", Type, "PhoneNumber"),
            ("Option", Type, "OptionType"),
            ("result", Type, "ResultType"),
            ("Output", Type, "OutputType"),
            ("self", Type, "SelfType"),
            ("2FA", Type, "Value2Fa"),
            ("Product.Unsubscript", Static, "PRODUCT_UNSUBSCRIPT"),
            ("Product.Unsubscript", Variant, "ProductUnsubscript"),
            ("404", Static, "VALUE_404"),
        ];
        for (wire, kind, rust) in table {
            assert_eq!(rust_name(wire, kind), rust, "{wire:?} as {kind:?}");
        }
    }

    #[test]
    fn a_numbered_name_is_in_the_style_of_its_kind() {
        let table = [
            ("owner_id", Kind::Field, "owner_id_2"),
            ("r#type", Kind::Parameter, "type_2"),
            ("self_", Kind::Field, "self_2"),
            ("Paused", Kind::Variant, "Paused2"),
            ("Value1", Kind::Variant, "Value1_2"),
            ("Self_", Kind::Variant, "Self2"),
            ("SelfType", Kind::Type, "SelfType2"),
            ("NO_STOCK", Kind::Static, "NO_STOCK_2"),
        ];
        for (name, kind, expected) in table {
            let found = numbered(name, 2, kind);
            assert_eq!(found, expected);
            assert!(kind == Kind::Static || objection(&found, kind).is_none(), "{found}");
        }
    }

    #[test]
    fn any_text_becomes_a_valid_identifier() {
        for c in ('\0'..='\u{5ff}').chain(['\u{202e}', '中', '\u{1f600}', '\u{e0001}', '\u{10ffff}']) {
            for text in [format!("{c}"), format!("a{c}"), format!("{c}1")] {
                for kind in [Kind::Field, Kind::Parameter, Kind::Module, Kind::Type, Kind::Variant, Kind::Static] {
                    let name = rust_name(&text, kind);
                    assert!(syn::parse_str::<syn::Ident>(&name).is_ok(), "{text:?} as {kind:?}: {name:?}");
                }
            }
        }
    }

    #[test]
    fn items_are_named_in_the_singular() {
        let table = [
            ("PhoneNumbers", "PhoneNumber"),
            ("Addresses", "Address"),
            ("Categories", "Category"),
            ("Status", "Status"),
            ("Statuses", "Status"),
            ("Boxes", "Box"),
            ("Batches", "Batch"),
            ("Analysis", "Analysis"),
            ("Series", "Series"),
            ("Data", "Data"),
            ("s", "s"),
            ("ies", "ie"),
            ("", ""),
        ];
        for (plural, one) in table {
            assert_eq!(singular(plural), one);
        }
    }

    #[test]
    fn a_name_in_a_specification_must_be_valid() {
        for (name, kind) in
            [("phone", Kind::Field), ("a_1", Kind::Parameter), ("PhoneNumber", Kind::Type), ("IAM", Kind::Variant)]
        {
            assert_eq!(objection(name, kind), None, "{name}");
        }
        for (name, kind) in [
            ("", Kind::Field),
            ("type", Kind::Field),
            ("r#type", Kind::Field),
            ("self", Kind::Field),
            ("Phone", Kind::Field),
            ("a b", Kind::Field),
            ("1st", Kind::Field),
            ("build", Kind::Parameter),
            ("Option", Kind::Type),
            ("phone", Kind::Type),
            ("Phone_Number", Kind::Type),
            ("Self", Kind::Variant),
            ("Unrecognized", Kind::Variant),
            ("x); fn evil() {", Kind::Variant),
        ] {
            assert!(objection(name, kind).is_some(), "{name}");
        }
    }
}
