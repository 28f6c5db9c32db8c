//! How the answer to an action comes in pages.

/// The parameters and fields by which an action is asked for one page after the other. Each is a path: the name of a parameter or of a
/// member of the answer, then those of the fields inside; empty if the specification names none. All of them exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paging {
    pub style: PagingStyle,
    /// The parameter that says which page.
    pub parameter: Vec<String>,
    /// The parameter that says how many items a page has.
    pub size: Vec<String>,
    /// The field that the parameter of the next page takes its value from.
    pub next: Vec<String>,
    /// The field that says whether another page follows.
    pub more: Vec<String>,
    /// The field that says how many items all pages have.
    pub total: Vec<String>,
    /// The list that holds the items of a page.
    pub items: Vec<String>,
}

/// How a request says which page it asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PagingStyle {
    /// By what the answer before gave out.
    Token,
    /// The same, where a flag says whether another page follows.
    Marker,
    /// By its number; `first` is that of the first page.
    Number { first: u32 },
}

impl PagingStyle {
    /// The key in the file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Marker => "marker",
            Self::Number { .. } => "number",
        }
    }
}
