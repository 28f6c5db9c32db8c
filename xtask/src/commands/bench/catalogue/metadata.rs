//! Writes synthetic metadata that has each construct of the public catalogue about as often as the catalogue.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

/// A construct: its name, how often the catalogue has it, and of how many places.
type Construct = (&'static str, u64, u64);

const PRODUCTS: u64 = 339;
const ACTIONS: u64 = 19_702;
const PARAMETERS: u64 = 95_109;
/// An estimate: the catalogue was not counted in members.
const SCHEMAS: u64 = 330_000;
const TEXTS: u64 = 250_000;
const VALUES: u64 = 40_000;
const PATHS: u64 = 3_844;

/// What the catalogue has, as counted over 269 RPC products with 19,702 actions and 70 ROA products with 3,844.
const CONSTRUCTS: &[Construct] = &[
    // RPC: places and styles of parameters.
    ("parameter in formData", 14_673, PARAMETERS),
    ("parameter in body", 4, PARAMETERS),
    ("parameter in header", 3, PARAMETERS),
    ("parameter: array, repeatList", 3_402, PARAMETERS),
    ("parameter: array, json", 1_107, PARAMETERS),
    ("parameter: array, flat", 684, PARAMETERS),
    ("parameter: array, simple", 115, PARAMETERS),
    ("parameter: object, json", 1_113, PARAMETERS),
    ("parameter: object, flat", 194, PARAMETERS),
    ("parameter: style without type", 129, PARAMETERS),
    ("parameter: keyword", 486, PARAMETERS),
    ("parameter: dots", 405, PARAMETERS),
    ("parameter: of every request", 30, PARAMETERS),
    ("parameter: example in the parameter", 400, PARAMETERS),
    ("parameter: example that does not fit", 300, PARAMETERS),
    ("parameter: masked example", 3_000, PARAMETERS),
    ("action: parameter declared twice", 366, ACTIONS),
    ("action: object written in parts beside its part", 20, ACTIONS),
    // Types.
    ("integer, int32", 30_972, SCHEMAS),
    ("integer, int64", 24_728, SCHEMAS),
    ("boolean", 20_000, SCHEMAS),
    ("number, float", 1_500, SCHEMAS),
    ("number, double", 1_500, SCHEMAS),
    ("any", 459, SCHEMAS),
    ("no type", 14, SCHEMAS),
    ("unknown type", 5, SCHEMAS),
    ("array", 16_000, SCHEMAS),
    ("object", 19_000, SCHEMAS),
    ("object without properties", 860, SCHEMAS),
    ("array without items", 6, SCHEMAS),
    ("additionalProperties", 644, SCHEMAS),
    ("free names beside fixed ones", 20, SCHEMAS),
    ("object as deep as 28", 3, ACTIONS),
    ("text: odd format", 3_000, TEXTS),
    ("$ref", 1_607, SCHEMAS),
    ("$ref without a target", 90, SCHEMAS),
    ("product: components", 27, PRODUCTS),
    ("product: lists in wrappers", 113, PRODUCTS),
    ("component: refers to itself", 9, 150),
    ("component: odd name", 15, 150),
    ("component: list or text", 30, 150),
    ("wrapper, marked inside", 4_000, SCHEMAS),
    ("wrapper, marked outside", 2_000, SCHEMAS),
    ("wrapper, named by the list", 500, SCHEMAS),
    // Documented values.
    ("enumValueTitles of text", 3_900, TEXTS),
    ("enumValueTitles of a boolean", 289, 20_000),
    ("enumValueTitles of an integer", 270, 55_700),
    ("enumValueTitles of an array", 30, 16_000),
    ("enumValueTitles of an object", 20, 19_000),
    ("enum of text", 2_200, TEXTS),
    ("enum of text for an integer", 269, 55_700),
    ("enum, empty", 170, TEXTS),
    ("value: digit first", 883, VALUES),
    ("value: keyword", 629, VALUES),
    ("value: signs", 1_500, VALUES),
    ("value: Chinese", 135, VALUES),
    ("value: JSON", 10, VALUES),
    ("value: long", 10, VALUES),
    ("value: differs in case", 40, VALUES),
    // Names.
    ("field: keyword", 1_722, SCHEMAS),
    ("field: dots", 319, SCHEMAS),
    ("field: underscores", 4_000, SCHEMAS),
    ("field: hyphens", 400, SCHEMAS),
    ("field: digit first", 60, SCHEMAS),
    ("field: Chinese", 10, SCHEMAS),
    ("field: differs in case", 17, SCHEMAS),
    ("field: name of a secret", 2_000, SCHEMAS),
    ("action: keyword", 1, PRODUCTS),
    // Other keys.
    ("title", 150_000, SCHEMAS),
    ("visibility", 2_000, SCHEMAS),
    ("docRequired", 3_000, SCHEMAS),
    ("backendName", 3_000, SCHEMAS),
    ("default", 5_000, SCHEMAS),
    ("maxItems, minItems", 3_000, SCHEMAS),
    ("minimum, maximum", 4_000, SCHEMAS),
    ("maxLength, minLength", 2_000, SCHEMAS),
    ("pattern", 500, SCHEMAS),
    ("extendType", 300, SCHEMAS),
    ("isFileTransferUrl", 100, SCHEMAS),
    ("nullable", 500, SCHEMAS),
    ("exclusiveMinimum", 50, SCHEMAS),
    ("sensitive", 41, SCHEMAS),
    ("readOnly", 50, SCHEMAS),
    ("deprecated member", 1_500, SCHEMAS),
    ("unknown key", 5, SCHEMAS),
    ("prose with markup", 60_000, SCHEMAS),
    ("prose in Chinese", 1_000, SCHEMAS),
    ("hostile prose", 500, SCHEMAS),
    ("no description", 15_000, SCHEMAS),
    // Actions.
    ("action: deprecated", 241, ACTIONS),
    ("action: no example", 327, ACTIONS),
    ("action: empty example", 247, ACTIONS),
    ("action: XML example", 9_713, 29_088),
    ("action: broken example", 40, ACTIONS),
    ("action: example contradicts a type", 28, ACTIONS),
    ("action: answer is text", 1, ACTIONS),
    ("action: answer is a map", 20, ACTIONS),
    ("action: answer is a component", 300, ACTIONS),
    ("action: limit in prose", 1_500, ACTIONS),
    ("action: flowControl", 414, ACTIONS),
    ("action: flowControl, empty", 50, ACTIONS),
    ("action: RPC with a path", 50, ACTIONS),
    ("action: stream of events", 45, ACTIONS),
    ("action: anonymous", 60, ACTIONS),
    ("action: other security", 100, ACTIONS),
    ("action: GET only", 2_000, ACTIONS),
    ("action: PUT or DELETE only", 6, ACTIONS),
    ("action: asynchronous with callback", 151, ACTIONS),
    ("action: callback of another product", 20, 151),
    ("action: pages by token", 1_100, ACTIONS),
    ("action: pages by number", 2_600, ACTIONS),
    ("action: pages by marker", 60, ACTIONS),
    ("action: pages by offset", 60, ACTIONS),
    ("error code: dots", 39_763, 60_000),
    ("error code: hole", 1_243, 60_000),
    ("error code: tab", 8, 60_000),
    ("error code: blank", 60, 60_000),
    ("error code: digit first", 60, 60_000),
    ("error code: Chinese", 10, 60_000),
    ("error status: no HTTP status", 60, 60_000),
    // ROA.
    ("ROA: several methods", 31, PATHS),
    ("ROA: no placeholder", 1_536, PATHS),
    ("ROA: [name]", 2, PATHS),
    ("ROA: undeclared name", 20, PATHS),
    ("ROA: body", 1_316, PATHS),
    ("ROA: body is text", 71, 1_316),
    ("ROA: body without type", 86, 1_316),
    ("ROA: body in another case", 40, 1_316),
    ("ROA: form", 220, PATHS),
    ("ROA: header", 180, PATHS),
    ("ROA: host", 162, PATHS),
    ("ROA: consumes a form", 45, PATHS),
    ("ROA: consumes XML", 25, PATHS),
    ("ROA: consumes multipart", 16, PATHS),
    ("ROA: produces bytes", 28, PATHS),
    ("ROA: produces XML", 25, PATHS),
    ("ROA: produces events", 3, PATHS),
    ("ROA: answers nothing", 345, PATHS),
    ("ROA: answers a list", 27, PATHS),
    ("ROA: answers text", 6, PATHS),
    ("ROA: anonymous", 47, PATHS),
    ("ROA: other security", 35, PATHS),
    ("ROA: answers with a code", 400, PATHS),
];

/// The numbers of actions of the largest RPC products.
const LARGEST: [usize; 6] = [921, 423, 418, 394, 372, 358];

const NOUNS: [&str; 36] = [
    "Instance", "Cluster", "Node", "Disk", "Image", "Snapshot", "Vpc", "Route", "Table", "Policy", "Rule", "Group",
    "User", "Role", "Job", "Task", "Domain", "Record", "Queue", "Topic", "Message", "Template", "Backup", "Account",
    "Database", "Index", "Alarm", "Metric", "Tag", "Zone", "Key", "Order", "Device", "Stream", "Project", "Quota",
];
const QUALITIES: [&str; 18] = [
    "Id", "Name", "Type", "Status", "Count", "Size", "Time", "Region", "Version", "Mode", "Level", "Path", "Url",
    "Owner", "Config", "Info", "Code", "Desc",
];
const VERBS: [&str; 12] =
    ["Describe", "List", "Get", "Query", "Create", "Delete", "Modify", "Update", "Add", "Remove", "Start", "Stop"];
const KEYWORDS: [&str; 14] =
    ["Type", "type", "Match", "match", "Self", "self", "Ref", "Move", "Enum", "Static", "async", "Use", "Box", "gen"];
const WORDS: [&str; 24] = [
    "The",
    "ID",
    "of",
    "the",
    "instance",
    "that",
    "you",
    "want",
    "to",
    "query.",
    "Valid",
    "values",
    "specify",
    "region",
    "name",
    "is",
    "returned",
    "only",
    "if",
    "parameter",
    "set",
    "number",
    "entries",
    "resource",
];
/// Prose that breaks careless printing.
const HOSTILE: [&str; 12] = [
    "*/ /* \"#\" r##\"x\"## `",
    "```\nunclosed code",
    "[link][ref] <script>alert(1)</script> &lt;b&gt; <b",
    "\u{202e}reversed\u{202c} \u{200b}\u{feff}",
    "a\r\n\r\n\r\nb\tc\u{0}d",
    "{{{}}} {0} {name} \\u{1F600} \\",
    "<props=\"china\">中文</props><ph>~~123~~</ph>",
    "| a | b |\n|---|---|\n| `|` | <br/> |",
    "#[doc = \"x\"] //! # Heading\n## Other",
    "    indented\n\tcode",
    "https://example.com/a_b*c?x=[1] <https://x.y>",
    "- a\n  - b\n* * *\n> quote\n1. x",
];

/// Writes the metadata of products; the same for the same seed.
pub struct Writer {
    state: u64,
    /// How many times as often as the catalogue rare constructs occur.
    boost: u64,
    /// How often each construct was written.
    pub counts: BTreeMap<&'static str, u64>,
    components: Vec<(String, Value, Value)>,
    wraps_lists: bool,
}

impl Writer {
    /// `boost` makes rare constructs more frequent, for a small catalogue that has all of them.
    pub fn new(seed: u64, boost: u64) -> Self {
        let state = seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        Self { state, boost, counts: BTreeMap::new(), components: Vec::new(), wraps_lists: false }
    }

    fn roll(&mut self, sides: u64) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        (self.state >> 11) % sides
    }

    fn one<'c>(&mut self, choices: &[&'c str]) -> &'c str {
        let at = self.roll(choices.len() as u64);
        usize::try_from(at).ok().and_then(|at| choices.get(at)).copied().unwrap_or_default()
    }

    /// How often a construct occurs among a million places.
    fn rate(&self, name: &'static str) -> u64 {
        let (_, count, of) = CONSTRUCTS.iter().find(|(known, ..)| *known == name).copied().unwrap_or((name, 0, 1));
        let plain = count * 1_000_000 / of;
        let most = if of < 1_000 { 500_000 } else { 40_000 };
        plain.max((count * self.boost * 1_000_000 / of).min(most))
    }

    /// Whether a place has the construct.
    fn has(&mut self, name: &'static str) -> bool {
        let is_here = self.roll(1_000_000) < self.rate(name).max(1);
        if is_here {
            self.count(name);
        }
        is_here
    }

    fn count(&mut self, name: &'static str) {
        *self.counts.entry(name).or_default() += 1;
    }

    /// One of several constructs that exclude each other, or none.
    fn pick(&mut self, names: &[&'static str]) -> Option<&'static str> {
        let mut rest = self.roll(1_000_000);
        for name in names {
            let rate = self.rate(name).max(1);
            if rest < rate {
                self.count(name);
                return Some(name);
            }
            rest -= rate;
        }
        None
    }

    fn prose(&mut self, least: u64, more: u64) -> String {
        let words = least + self.roll(more);
        let mut text = (0..words).map(|_| self.one(&WORDS)).collect::<Vec<_>>().join(" ") + ".";
        if self.has("prose with markup") {
            text += "\n\n*   **Running**: it runs.\n*   `Stopped`: see [Stop](~~25501~~).\n\n> Default value: 10.\n";
        }
        if self.has("prose in Chinese") {
            text += " 实例的状态。";
        }
        if self.has("hostile prose") {
            text.push(' ');
            text += self.one(&HOSTILE);
        }
        text
    }

    fn name(&mut self, taken: &BTreeSet<String>) -> String {
        let plain = format!("{}{}", self.one(&NOUNS), self.one(&QUALITIES));
        let special = self.pick(&[
            "field: keyword",
            "field: dots",
            "field: underscores",
            "field: hyphens",
            "field: digit first",
            "field: Chinese",
            "field: differs in case",
            "field: name of a secret",
        ]);
        let mut name = match special {
            Some("field: keyword") => self.one(&KEYWORDS).to_owned(),
            Some("field: dots") => plain.replacen(char::is_uppercase, "System.X", 1),
            Some("field: underscores") => format!("{}_{}", plain.to_lowercase(), self.one(&["id", "at", "_x", "2"])),
            Some("field: hyphens") => format!("x-{}", plain.to_lowercase()),
            Some("field: digit first") => format!("95{plain}"),
            Some("field: Chinese") => "状态".to_owned(),
            Some("field: differs in case") => {
                let other = taken.iter().next_back().cloned().unwrap_or(plain);
                let flipped = |c: char| if c.is_uppercase() { c.to_ascii_lowercase() } else { c.to_ascii_uppercase() };
                other.chars().take(1).map(flipped).chain(other.chars().skip(1)).collect()
            }
            Some("field: name of a secret") => self.one(&["Password", "PhoneNumber", "AccessKeySecret"]).to_owned(),
            _ => plain,
        };
        while taken.contains(&name) {
            name += &self.roll(10).to_string();
        }
        name
    }

    /// Keys that any schema can have.
    fn keys(&mut self, schema: &mut Map<String, Value>, is_request: bool) {
        if !self.has("no description") {
            let (least, more) = if is_request { (6, 12) } else { (3, 7) };
            schema.insert("description".to_owned(), self.prose(least, more).into());
        }
        let ty = schema.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
        let mut add = |this: &mut Self, name: &'static str, fields: Value| {
            if this.has(name)
                && let Value::Object(fields) = fields
            {
                schema.extend(fields);
            }
        };
        add(self, "title", json!({"title": ""}));
        add(self, "visibility", json!({"visibility": "Public"}));
        add(self, "docRequired", json!({"docRequired": true}));
        add(self, "backendName", json!({"backendName": "other"}));
        add(self, "extendType", json!({"extendType": "x"}));
        add(self, "nullable", json!({"nullable": true}));
        add(self, "readOnly", json!({"readOnly": true}));
        add(self, "deprecated member", json!({"deprecated": true}));
        add(self, "unknown key", json!({"brandNew": [1]}));
        match ty.as_str() {
            "string" => {
                add(self, "maxLength, minLength", json!({"maxLength": 64, "minLength": 1}));
                add(self, "pattern", json!({"pattern": "^[a-z`]{1,3}\\d+$"}));
                add(self, "isFileTransferUrl", json!({"isFileTransferUrl": true}));
                add(self, "sensitive", json!({"sensitive": true}));
                add(self, "default", json!({"default": "on"}));
            }
            "integer" | "number" => {
                add(self, "minimum, maximum", json!({"minimum": "1", "maximum": "100"}));
                add(self, "exclusiveMinimum", json!({"exclusiveMinimum": true}));
                add(self, "default", json!({"default": 10}));
            }
            "boolean" => add(self, "default", json!({"default": "false"})),
            "array" => add(self, "maxItems, minItems", json!({"maxItems": 100, "minItems": 0})),
            _ => {}
        }
    }

    /// A documented value.
    fn value(&mut self, index: u64) -> String {
        let special = self.pick(&[
            "value: digit first",
            "value: keyword",
            "value: signs",
            "value: Chinese",
            "value: JSON",
            "value: long",
            "value: differs in case",
        ]);
        match special {
            Some("value: digit first") => self.one(&["2xlarge", "1", "5.7", "30d"]).to_owned(),
            Some("value: keyword") => self.one(&KEYWORDS).to_owned(),
            Some("value: signs") => self
                .one(&["PAY-AS-YOU-GO", "a.b", "in progress", "a/b", "A::B", "<=", ">", "**", "+", "", "=="])
                .to_owned(),
            Some("value: Chinese") => self.one(&["是", "否", "未知"]).to_owned(),
            Some("value: JSON") => "{\"a\":\"b\"}".to_owned(),
            Some("value: long") => "x".repeat(140),
            Some("value: differs in case") => self.one(&["RUNNING", "Running", "running"]).to_owned(),
            _ => format!("{}{index}", self.one(&["Running", "Stopped", "Failed", "Active", "POSTPAY", "normal"])),
        }
    }

    fn titles(&mut self, values: &[String]) -> Value {
        let title = |this: &mut Self, value: &String| (value.clone(), Value::from(this.one(&["", "It runs.", "x`y"])));
        Value::Object(values.iter().map(|value| title(self, value)).collect())
    }

    fn text(&mut self, schema: &mut Map<String, Value>, name: &str) -> Value {
        schema.insert("type".to_owned(), "string".into());
        if self.has("text: odd format") {
            let format = self.one(&["iso8601", "byte", "int32", "int64", "float", "double"]);
            schema.insert("format".to_owned(), format.into());
        }
        let documented = self.pick(&["enumValueTitles of text", "enum of text", "enum, empty"]);
        if documented == Some("enum, empty") {
            schema.insert("enum".to_owned(), json!([]));
        }
        if let Some(how @ ("enumValueTitles of text" | "enum of text")) = documented {
            let count = 2 + self.roll(7);
            let values: Vec<String> = (0..count).map(|index| self.value(index)).collect();
            if how == "enum of text" {
                schema.insert("enum".to_owned(), values.clone().into());
            } else {
                schema.insert("enumValueTitles".to_owned(), self.titles(&values));
            }
            return values.first().cloned().unwrap_or_default().into();
        }
        let number = self.roll(1_000_000);
        match self.roll(6) {
            0 => format!("i-bp{number}****").into(),
            1 => "2024-01-01T00:00:00Z".into(),
            2 => format!("{}\n", name.to_lowercase()).into(),
            3 => number.to_string().into(),
            _ => format!("{}-{number}", name.to_lowercase()).into(),
        }
    }

    /// A schema, and a value that it describes.
    fn schema(&mut self, name: &str, is_request: bool, depth: u64) -> (Value, Value) {
        let compound: &[&'static str] = if depth < 7 {
            &[
                "array",
                "object",
                "object without properties",
                "array without items",
                "additionalProperties",
                "free names beside fixed ones",
                "$ref",
                "$ref without a target",
            ]
        } else {
            &[]
        };
        let scalars = [
            "integer, int32",
            "integer, int64",
            "boolean",
            "number, float",
            "number, double",
            "any",
            "no type",
            "unknown type",
        ];
        let wrappers: &[&'static str] = if self.wraps_lists && !is_request && depth < 5 {
            &["wrapper, marked inside", "wrapper, marked outside", "wrapper, named by the list"]
        } else {
            &[]
        };
        let kind = self.pick(&[compound, wrappers, &scalars].concat()).unwrap_or("text");
        self.schema_of(kind, name, is_request, depth)
    }

    #[expect(clippy::too_many_lines, reason = "one arm for each kind")]
    fn schema_of(&mut self, kind: &'static str, name: &str, is_request: bool, depth: u64) -> (Value, Value) {
        let mut schema = Map::new();
        let mut put = |key: &str, value: Value| {
            schema.insert(key.to_owned(), value);
        };
        let number = self.roll(1000);
        let example = match kind {
            "integer, int32" | "integer, int64" => {
                put("type", "integer".into());
                put("format", kind.split_once(", ").map_or("", |(_, format)| format).into());
                match self.pick(&["enumValueTitles of an integer", "enum of text for an integer"]) {
                    Some("enumValueTitles of an integer") => put("enumValueTitles", json!({"0": "Off.", "1": "On."})),
                    Some(_) => put("enum", json!(["0", "1", "2"])),
                    None => {}
                }
                number.into()
            }
            "boolean" => {
                put("type", "boolean".into());
                if self.has("enumValueTitles of a boolean") {
                    put("enumValueTitles", json!({"true": "Yes.", "false": "No."}));
                }
                number.is_multiple_of(2).into()
            }
            "number, float" | "number, double" => {
                put("type", "number".into());
                put("format", kind.split_once(", ").map_or("", |(_, format)| format).into());
                json!(f64::from(u32::try_from(number).unwrap_or(0)) / 4.0)
            }
            "any" => {
                put("type", "any".into());
                json!({"free": [number, null]})
            }
            "no type" => json!("free"),
            "unknown type" => {
                put("type", "brandNew".into());
                json!("free")
            }
            "array" => {
                put("type", "array".into());
                let (items, example) = self.schema(name, is_request, depth + 1);
                put("items", items);
                if self.has("enumValueTitles of an array") {
                    put("enumValueTitles", json!({"a": "A.", "b": "B."}));
                }
                json!([example])
            }
            "array without items" => {
                put("type", "array".into());
                json!(["x", 1])
            }
            "wrapper, marked inside" | "wrapper, marked outside" | "wrapper, named by the list" => {
                let (items, example) = self.schema_of("object", name, is_request, depth + 1);
                let mut inner = json!({"type": "array", "description": "The list.", "items": items});
                let member = format!("{name}Item");
                if kind == "wrapper, named by the list" {
                    put("type", "array".into());
                    put("itemNode", member.clone().into());
                    put("items", inner["items"].take());
                } else {
                    put("type", "object".into());
                    if kind == "wrapper, marked inside" {
                        inner["itemNode"] = true.into();
                    } else {
                        put("itemNode", true.into());
                    }
                    put("properties", json!({&member: inner}));
                }
                json!({member: [example]})
            }
            "object" | "free names beside fixed ones" => {
                put("type", "object".into());
                let (properties, example) = self.members(2 + number % 5, is_request, depth + 1);
                put("properties", properties);
                if kind != "object" {
                    put("additionalProperties", json!({"type": "string"}));
                }
                if self.has("enumValueTitles of an object") {
                    put("enumValueTitles", json!({"a": "A."}));
                }
                example
            }
            "object without properties" => {
                put("type", "object".into());
                json!({"key": "value", "list": [1]})
            }
            "additionalProperties" => {
                put("type", "object".into());
                let (values, example) = self.schema(name, is_request, depth + 1);
                put("additionalProperties", values);
                json!({"key": example})
            }
            "$ref" if !self.components.is_empty() => {
                let at = usize::try_from(number).unwrap_or(0) % self.components.len();
                let (component, _, example) = self.components[at].clone();
                let escaped = component.replace('~', "~0").replace('/', "~1");
                return (json!({"$ref": format!("#/components/schemas/{escaped}")}), example);
            }
            "$ref without a target" => {
                return (json!({"$ref": "#/components/schemas/Missing"}), json!({"any": "thing"}));
            }
            _ => self.text(&mut schema, name),
        };
        self.keys(&mut schema, is_request);
        if !example.is_array() && !example.is_object() {
            // Examples are text, also those of numbers and booleans.
            let written = example.as_str().map_or_else(|| example.to_string(), ToOwned::to_owned);
            schema.insert("example".to_owned(), written.into());
        }
        if is_request && depth > 0 {
            schema.insert("required".to_owned(), (self.roll(3) == 0).into());
        }
        (schema.into(), example)
    }

    /// Members of an object, and a value of each.
    fn members(&mut self, count: u64, is_request: bool, depth: u64) -> (Value, Value) {
        let (mut properties, mut example) = (Map::new(), Map::new());
        let mut taken = BTreeSet::new();
        for _ in 0..count {
            let name = self.name(&taken);
            let (schema, value) = self.schema(&name, is_request, depth);
            properties.insert(name.clone(), schema);
            example.insert(name.clone(), value);
            taken.insert(name);
        }
        (properties.into(), example.into())
    }

    fn component(&mut self, index: u64) -> (String, Value, Value) {
        let name = if self.has("component: odd name") {
            let odd =
                self.one(&["Page«Item»", "java.util.List<X>", "a/b~c", "分页", "Self", "map[string]string", "Result"]);
            format!("{odd}{index}")
        } else {
            format!("{}Shape{index}", self.one(&NOUNS))
        };
        let kind = if self.has("component: list or text") {
            self.one(&["array", "text", "additionalProperties", "object without properties"])
        } else {
            "object"
        };
        // The names of kinds are static.
        let kind = ["array", "text", "additionalProperties", "object without properties", "object"]
            .into_iter()
            .find(|known| *known == kind)
            .unwrap_or("object");
        let (mut schema, example) = self.schema_of(kind, &name, false, 3);
        if kind == "object" && self.has("component: refers to itself") {
            let escaped = name.replace('~', "~0").replace('/', "~1");
            let itself = json!({"$ref": format!("#/components/schemas/{escaped}")});
            schema["properties"]["Parent"] = itself.clone();
            schema["properties"]["Children"] = json!({"type": "array", "items": itself});
        }
        (name, schema, example)
    }

    fn parameter(&mut self, name: String, required: bool) -> Value {
        const STYLED: [&str; 7] = [
            "parameter: array, repeatList",
            "parameter: array, json",
            "parameter: array, flat",
            "parameter: array, simple",
            "parameter: object, json",
            "parameter: object, flat",
            "parameter: style without type",
        ];
        let mut parameter = Map::new();
        let styled = self.pick(&STYLED);
        let (mut schema, example) = match styled {
            Some("parameter: style without type") => (json!({"description": "Free."}), json!("x")),
            Some("parameter: array, simple") => (
                json!({"type": "array", "items": {"type": self.one(&["string", "integer"])}, "description": "A list."}),
                json!([1, 2]),
            ),
            Some(kind) if kind.contains("array") => self.schema_of("array", &name, true, 2),
            Some(_) => {
                let kind = self.one_object();
                self.schema_of(kind, &name, true, 2)
            }
            None => {
                let scalars = ["integer, int32", "integer, int64", "boolean", "number, double", "any", "no type"];
                let kind = self.pick(&scalars).unwrap_or("text");
                self.schema_of(kind, &name, true, 0)
            }
        };
        if let Some(styled) = styled {
            let style = match styled {
                "parameter: style without type" => self.one(&["repeatList", "json", "flat", "simple"]),
                _ => styled.rsplit_once(", ").map_or("json", |(_, style)| style),
            };
            parameter.insert("style".to_owned(), style.into());
        }
        let fit = example.as_str().map_or_else(|| example.to_string(), ToOwned::to_owned);
        let written = match self.pick(&["parameter: example that does not fit", "parameter: masked example"]) {
            Some("parameter: example that does not fit") => "cn-hangzhou, [3.4".to_owned(),
            Some(_) => "12345****".to_owned(),
            None => fit,
        };
        if self.has("parameter: example in the parameter") {
            parameter.insert("example".to_owned(), written.into());
        } else {
            schema["example"] = written.into();
        }
        schema["required"] = required.into();
        let place = self.pick(&["parameter in formData", "parameter in body", "parameter in header"]);
        let place = place.and_then(|place| place.rsplit_once(' ')).map_or("query", |(_, place)| place);
        parameter.insert("in".to_owned(), place.into());
        parameter.insert("name".to_owned(), name.into());
        parameter.insert("schema".to_owned(), schema);
        parameter.into()
    }

    fn one_object(&mut self) -> &'static str {
        match self.roll(6) {
            0 => "object without properties",
            1 => "additionalProperties",
            _ => "object",
        }
    }

    fn parameters(&mut self) -> Vec<Value> {
        let mut taken = BTreeSet::new();
        let count = self.roll(10);
        let mut parameters = Vec::new();
        for index in 0..count {
            let special = self.pick(&["parameter: keyword", "parameter: dots", "parameter: of every request"]);
            let name = match special {
                Some("parameter: keyword") => self.one(&KEYWORDS).to_owned(),
                Some("parameter: dots") => format!("System{}.Category{index}", self.one(&NOUNS)),
                Some(_) => self.one(&["Action", "Version", "SecurityToken", "Format", "AccessKeyId"]).to_owned(),
                None if index == 0 => "RegionId".to_owned(),
                None => self.name(&taken),
            };
            if taken.insert(name.clone()) {
                let required = self.roll(3) == 0;
                parameters.push(self.parameter(name, required));
            }
        }
        if !parameters.is_empty() && self.has("action: parameter declared twice") {
            let mut again = parameters[0].clone();
            if self.roll(2) == 0 {
                again["schema"]["type"] = "integer".into();
            }
            parameters.push(again);
        }
        if self.has("action: object written in parts beside its part") {
            let schema =
                json!({"type": "array", "items": {"type": "object", "properties": {"Key": {"type": "string"}}}});
            parameters.push(json!({"name": "Tag", "in": "query", "style": "repeatList", "schema": schema}));
            parameters.push(json!({"name": "Tag.1.Key", "in": "query", "schema": {"type": "string"}}));
        }
        parameters
    }

    fn errors(&mut self) -> Value {
        let mut statuses = Map::new();
        for index in 0..self.roll(7) {
            let special = self.pick(&[
                "error code: hole",
                "error code: tab",
                "error code: blank",
                "error code: digit first",
                "error code: Chinese",
                "error code: dots",
            ]);
            let noun = self.one(&NOUNS);
            let code = match special {
                Some("error code: hole") => "Missing%s".to_owned(),
                Some("error code: tab") => format!("Invalid{noun}\t"),
                Some("error code: blank") => format!("Invalid {noun}"),
                Some("error code: digit first") => format!("4000{index}"),
                Some("error code: Chinese") => "参数错误".to_owned(),
                Some(_) => format!("Invalid{noun}.NotFound"),
                None => format!("{noun}_In-Use"),
            };
            let status = if self.has("error status: no HTTP status") {
                self.one(&["2014", "999999", "", "OK"])
            } else {
                self.one(&["400", "403", "404", "500"])
            };
            let message = self.one(&["The specified %s does not exist.", "", "The {0} is invalid: \"x\"\\."]);
            let error = json!({"errorCode": code, "errorMessage": message, "description": ""});
            if let Value::Array(list) = statuses.entry(status).or_insert_with(|| json!([])) {
                list.push(error);
            }
        }
        statuses.into()
    }

    /// Parameters and members of a list action, if it is one.
    fn pages(&mut self, api: &mut Value, properties: &mut Value, example: &mut Value) {
        let kinds =
            ["action: pages by token", "action: pages by number", "action: pages by marker", "action: pages by offset"];
        let Some(kind) = self.pick(&kinds) else { return };
        let (parameters, members): (&[&str], &[(&str, Value)]) = match kind {
            "action: pages by token" => (&["NextToken", "MaxResults"], &[("NextToken", json!("AAAA"))]),
            "action: pages by number" => (
                &["PageNumber", "PageSize"],
                &[("TotalCount", json!(100)), ("PageNumber", json!(1)), ("PageSize", json!(10))],
            ),
            "action: pages by marker" => {
                (&["Marker", "MaxItems"], &[("Marker", json!("m")), ("IsTruncated", json!(true))])
            }
            _ => (&["Offset", "Limit"], &[("TotalCount", json!(100))]),
        };
        let ty = |value: &Value| match value {
            Value::Number(_) => json!({"type": "integer", "format": "int32", "description": "A number."}),
            Value::Bool(_) => json!({"type": "boolean", "description": "More?"}),
            _ => json!({"type": "string", "description": "Where to go on."}),
        };
        if let Value::Array(list) = &mut api["parameters"] {
            list.retain(|one| !parameters.iter().any(|name| one["name"] == **name));
            for name in parameters {
                let is_text = name.ends_with("Token") || *name == "Marker";
                let schema = if is_text { ty(&json!("")) } else { ty(&json!(1)) };
                list.push(json!({"name": name, "in": "query", "schema": schema}));
            }
        }
        for (name, value) in members {
            properties[*name] = ty(value);
            example[*name] = value.clone();
        }
        let (items, item) = self.schema_of("object", "Item", false, 2);
        properties["Items"] = json!({"type": "array", "description": "The items.", "items": items});
        example["Items"] = json!([item]);
    }

    fn api(&mut self, code: &str, asked: Option<&str>) -> Value {
        let mut api = json!({
            "summary": self.prose(4, 8),
            "methods": ["post", "get"],
            "schemes": ["http", "https"],
            "security": [{"AK": []}],
            "operationType": self.one(&["read", "write", "readAndWrite"]),
            "deprecated": self.has("action: deprecated"),
            "systemTags": {"operationType": self.one(&["get", "list", "create", "update", "delete", "none"]), "riskType": "none"},
            "parameters": self.parameters(),
            "errorCodes": self.errors(),
        });
        if self.roll(3) == 0 {
            api["description"] = self.prose(20, 60).into();
        }
        if self.has("action: limit in prose") {
            api["description"] = self
                .one(&["You can call this operation up to 10 times per second per account.", "The QPS limit is 50."])
                .into();
        }
        match self.pick(&["action: flowControl", "action: flowControl, empty"]) {
            Some("action: flowControl") => {
                let limit =
                    json!({"threshold": self.one(&["5", "100"]), "countWindow": 1, "regionId": "*", "api": "X"});
                api["flowControl"] = json!({"flowControlList": [limit]});
            }
            Some(_) => api["flowControl"] = json!({"flowControlList": []}),
            None => {}
        }
        match self.pick(&["action: GET only", "action: PUT or DELETE only"]) {
            Some("action: GET only") => api["methods"] = json!(["get"]),
            Some(_) => api["methods"] = json!([self.one(&["put", "delete"])]),
            None => {}
        }
        match self.pick(&["action: anonymous", "action: other security"]) {
            Some("action: anonymous") => api["security"] = json!([{"Anonymous": []}]),
            Some(_) => api["security"] = json!([{self.one(&["BearerToken", "APP", "ARS_OIDC"]): []}]),
            None => {}
        }
        if self.has("action: RPC with a path") {
            api["path"] = "/V2/things".into();
        }
        if self.has("action: stream of events") {
            api["schemes"] = json!(["https", "sse"]);
        }
        if let Some(asked) = asked
            && self.has("action: asynchronous with callback")
        {
            let callback = if self.has("action: callback of another product") {
                format!("ecs::2014-05-26::{asked}")
            } else {
                asked.to_owned()
            };
            api["staticInfo"] = json!({"returnType": "asynchronous", "callback": callback, "callbackInterval": 5000, "maxCallbackTimes": 60});
        }
        self.answer(&mut api, code);
        api
    }

    /// The answer and its example.
    fn answer(&mut self, api: &mut Value, code: &str) {
        let count = 1 + self.roll(7);
        let (mut properties, mut example) = self.members(count, false, 0);
        let mut fixed = |name: &str, value: Value| {
            let ty = if value.is_boolean() { "boolean" } else { "string" };
            properties[name] = json!({"type": ty, "description": "The value.", "example": value.to_string()});
            example[name] = value;
        };
        fixed("RequestId", "90E63D28-E31D-1EB2-8939-A94866411B2O".into());
        if !code.is_empty() {
            fixed("Code", code.into());
            fixed("Message", "success".into());
            fixed("Success", true.into());
        }
        self.pages(api, &mut properties, &mut example);
        if self.has("object as deep as 28") {
            let (mut schema, mut value) = (json!({"type": "string"}), json!("deep"));
            for _ in 0..27 {
                schema = json!({"type": "object", "properties": {"Inner": schema}});
                value = json!({"Inner": value});
            }
            properties["Deep"] = schema;
            example["Deep"] = value;
        }
        if self.has("action: example contradicts a type") {
            properties["Duration"] = json!({"type": "integer", "format": "int64", "description": "Seconds."});
            example["Duration"] = json!(3.4);
        }
        let mut schema = json!({"type": "object", "description": "The response.", "properties": properties});
        match self.pick(&["action: answer is text", "action: answer is a map", "action: answer is a component"]) {
            Some("action: answer is text") => (schema, example) = (json!({"type": "string"}), json!("done")),
            Some("action: answer is a map") => {
                (schema, example) =
                    (json!({"type": "object", "additionalProperties": {"type": "string"}}), json!({"key": "value"}));
            }
            Some(_) if !self.components.is_empty() => (schema, example) = self.schema_of("$ref", "", false, 0),
            _ => {}
        }
        api["responses"] = json!({"200": {"headers": {}, "schema": schema}});
        let absent = self.pick(&["action: no example", "action: empty example", "action: broken example"]);
        let text = serde_json::to_string_pretty(&example).unwrap_or_default();
        let json = json!({"errorExample": "", "example": text, "type": "json"});
        let xml =
            json!({"errorExample": "", "example": "<Response><RequestId>1</RequestId></Response>", "type": "xml"});
        let demos = match absent {
            Some("action: no example") => return,
            Some("action: empty example") => json!([{"errorExample": "", "example": "", "type": "json"}]),
            Some(_) => json!([{"errorExample": "", "example": "{\"a\": ", "type": "json"}]),
            None if self.has("action: XML example") => {
                if self.roll(2) == 0 {
                    json!([xml, json])
                } else {
                    json!([json, xml])
                }
            }
            None => json!([json]),
        };
        api["responseDemo"] = demos.to_string().into();
    }

    /// Makes an action one of the ROA style.
    fn with_path(&mut self, api: &mut Value) {
        let method = match self.roll(3_815) {
            0..1_515 => "get",
            1_515..2_940 => "post",
            2_940..3_398 => "put",
            3_398..3_790 => "delete",
            _ => "patch",
        };
        api["methods"] = if self.has("ROA: several methods") { json!(["get", method]) } else { json!([method]) };
        let mut path = format!("/api/v1/{}s", self.one(&NOUNS).to_lowercase());
        let mut parameters = api["parameters"].as_array().cloned().unwrap_or_default();
        for parameter in &mut parameters {
            parameter["in"] = "query".into();
        }
        let places = if self.has("ROA: no placeholder") { 0 } else { 1 + self.roll(3) };
        for index in 0..places {
            let name = format!("{}{}", self.one(&["id", "Name", "cluster_id", "Instance-Id"]), index);
            let part = if self.has("ROA: [name]") { format!("/[{name}]") } else { format!("/{{{name}}}") };
            path += &part;
            path += self.one(&["", "/nodes", ":do", "/a.b"]);
            if !self.has("ROA: undeclared name") {
                let ty = self.one(&["string", "string", "integer"]);
                let schema = json!({"type": ty, "required": true, "description": "Which one.", "example": "12"});
                parameters.push(json!({"name": name, "in": "path", "schema": schema}));
            }
        }
        api["path"] = path.into();
        if method != "get" && self.has("ROA: body") {
            let name = if self.has("ROA: body in another case") { "Body" } else { "body" };
            let schema = match self.pick(&["ROA: body is text", "ROA: body without type"]) {
                Some("ROA: body is text") => json!({"type": "string", "description": "Text.", "example": "a: 1"}),
                Some(_) => json!({"description": "Free."}),
                None => self.schema_of("object", name, true, 1).0,
            };
            parameters.push(json!({"name": name, "in": "body", "style": "json", "schema": schema}));
        } else if method != "get" && self.has("ROA: form") {
            let one = |name: &str| json!({"name": name, "in": "formData", "schema": {"type": "string", "description": "In a form."}});
            parameters.extend([one("FormA"), one("FormB"), one("FormC")]);
        }
        if self.has("ROA: header") {
            let name = self.one(&["workspace", "x-acs-workspace", "x-auth-token"]);
            parameters
                .push(json!({"name": name, "in": "header", "schema": {"type": "string", "description": "A header."}}));
        }
        if self.has("ROA: host") {
            parameters.push(json!({"name": "tenant", "in": "host", "schema": {"type": "string", "required": true}}));
        }
        api["parameters"] = parameters.into();
        match self.pick(&["ROA: consumes a form", "ROA: consumes XML", "ROA: consumes multipart"]) {
            Some("ROA: consumes a form") => api["consumes"] = json!(["application/x-www-form-urlencoded"]),
            Some("ROA: consumes XML") => api["consumes"] = json!(["application/xml"]),
            Some(_) => api["consumes"] = json!(["multipart/form-data"]),
            None => api["consumes"] = json!(["application/json"]),
        }
        match self.pick(&["ROA: anonymous", "ROA: other security"]) {
            Some("ROA: anonymous") => api["security"] = json!([{"Anonymous": []}]),
            Some(_) => api["security"] = json!([{"BearerToken": []}]),
            None => {}
        }
        let answer = |api: &mut Value, schema: Value, example: &str| {
            api["responses"] = json!({"200": {"schema": schema}});
            api["responseDemo"] = json!([{"type": "json", "example": example}]).to_string().into();
        };
        match self.pick(&["ROA: produces bytes", "ROA: produces XML", "ROA: produces events"]) {
            Some("ROA: produces bytes") => api["produces"] = json!(["application/octet-stream"]),
            Some("ROA: produces XML") => api["produces"] = json!(["application/xml"]),
            Some(_) => api["produces"] = json!(["text/event-stream"]),
            None => match self.pick(&["ROA: answers nothing", "ROA: answers a list", "ROA: answers text"]) {
                Some("ROA: answers nothing") => {
                    api["responses"] = json!({"200": {}});
                    api["responseDemo"] = "".into();
                }
                Some("ROA: answers a list") => {
                    let (items, example) = self.schema_of("object", "Item", false, 1);
                    answer(api, json!({"type": "array", "items": items}), &json!([example]).to_string());
                }
                Some(_) => answer(api, json!({"type": "string"}), "\"done\""),
                None => {}
            },
        }
    }

    /// The metadata of one product.
    pub fn product(&mut self, index: usize, is_roa: bool, actions: usize) -> Value {
        self.wraps_lists = !is_roa && self.has("product: lists in wrappers");
        self.components.clear();
        if self.has("product: components") {
            for index in 0..6 {
                let component = self.component(index);
                self.components.push(component);
            }
        }
        let code = if is_roa { "" } else { self.one(&["", "", "OK", "OK", "Success", "200"]) };
        let mut names: BTreeSet<String> = BTreeSet::new();
        while names.len() < actions {
            let name = format!("{}{}{}", self.one(&VERBS), self.one(&NOUNS), self.one(&NOUNS));
            let is_new = names.insert(name.clone());
            if !is_new {
                names.insert(format!("{name}{}", names.len()));
            }
        }
        if actions > 0 && self.has("action: keyword") {
            names.pop_first();
            names.insert("match".to_owned());
        }
        let asked = names.iter().find(|name| name.starts_with("Describe") || name.starts_with("Get")).cloned();
        let mut apis = Map::new();
        for name in &names {
            let own = if is_roa && self.has("ROA: answers with a code") { "200" } else { code };
            let mut api = self.api(own, asked.as_deref().filter(|asked| asked != name));
            if is_roa {
                self.with_path(&mut api);
            } else if asked.as_deref() == Some(name) {
                // The action that reports whether others are done.
                let state = json!({"Running": "Goes on.", "Finished": "Done.", "Failed": "Failed."});
                let state = json!({"type": "string", "description": "The state.", "enumValueTitles": state});
                if let Some(properties) = api.pointer_mut("/responses/200/schema/properties") {
                    properties["TaskStatus"] = state;
                }
                api["parameters"] = json!([{"name": "RegionId", "in": "query", "schema": {"type": "string"}}]);
            }
            apis.insert(name.clone(), api);
        }
        let endpoints: Vec<Value> = ["cn-hangzhou", "cn-beijing", "ap-southeast-1", "us-west-1"]
            .iter()
            .map(|region| json!({"regionId": region, "endpoint": format!("product{index}.{region}.aliyuncs.com")}))
            .collect();
        let components: Map<String, Value> =
            self.components.iter().map(|(name, schema, _)| (name.clone(), schema.clone())).collect();
        let style = if is_roa { "ROA" } else { "RPC" };
        json!({
            "version": "1.0",
            "info": {"style": style, "product": format!("Product{index}"), "version": "2024-01-01"},
            "directories": [],
            "components": {"schemas": components},
            "apis": apis,
            "endpoints": endpoints,
        })
    }
}

/// The number of actions of each product: 269 of the RPC style, then 70 of the ROA style.
pub fn sizes() -> (Vec<usize>, Vec<usize>) {
    let mut rpc = LARGEST.to_vec();
    rpc.extend(shared_out(19_702 - rpc.iter().sum::<usize>(), 269 - 4 - rpc.len()));
    rpc.extend([0; 4]);
    (rpc, shared_out(3_844, 70))
}

/// So many actions for so many products, the first ones with more.
fn shared_out(actions: usize, products: usize) -> Vec<usize> {
    let weight = |index: usize| 1_000_000 / (index + 12);
    let all: usize = (0..products).map(weight).sum();
    let mut sizes: Vec<usize> = (0..products).map(|index| (actions * weight(index) / all).max(1)).collect();
    let rest = actions - sizes.iter().sum::<usize>();
    if let Some(first) = sizes.first_mut() {
        *first += rest;
    }
    sizes
}

/// The names of all constructs.
pub fn constructs() -> impl Iterator<Item = &'static str> {
    CONSTRUCTS.iter().map(|(name, ..)| *name)
}
