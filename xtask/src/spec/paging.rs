//! The paging of an action.

/// The parameters and fields of a paged action. Each is a path: the name of a parameter or of a
/// member of the response, then those of nested fields; empty if the specification sets none. All of them exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paging {
    pub style: PagingStyle,
    /// The parameter that selects a page.
    pub parameter: Vec<String>,
    /// The parameter for the number of items in a page.
    pub size: Vec<String>,
    /// The field with the value for the next page.
    pub next: Vec<String>,
    /// The field that shows whether another page follows.
    pub more: Vec<String>,
    /// The field with the total number of items.
    pub total: Vec<String>,
    /// The list with the items of a page.
    pub items: Vec<String>,
}

/// How a request selects a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PagingStyle {
    /// By a value of the previous response.
    Token,
    /// The same, with a flag that shows whether another page follows.
    Marker,
    /// By its number; `first` is the number of the first page.
    Number { first: u32 },
    /// By the number of items before it.
    Offset,
}

impl PagingStyle {
    /// The key in the file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Marker => "marker",
            Self::Number { .. } => "number",
            Self::Offset => "offset",
        }
    }
}
