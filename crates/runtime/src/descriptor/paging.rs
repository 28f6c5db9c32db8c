//! How the response to an action comes in pages.

/// The parameters and members by which an action is asked for one page after the other.
///
/// Each is a path: the name on the wire of a parameter or of a member of the response, then those of the members inside; empty if the
/// specification names none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PagingDescriptor {
    /// How a request says which page it asks for.
    pub style: PagingStyle,
    /// The parameter that says which page, e.g. `NextToken`.
    pub parameter: &'static [&'static str],
    /// The parameter that says how many items a page has, e.g. `MaxResults`.
    pub size: &'static [&'static str],
    /// The member that the parameter of the next page takes its value from, e.g. `NextToken`.
    pub next: &'static [&'static str],
    /// The member that says whether another page follows, e.g. `IsTruncated`.
    pub more: &'static [&'static str],
    /// The member that says how many items all pages have, e.g. `TotalCount`.
    pub total: &'static [&'static str],
    /// The list that holds the items of a page, e.g. `Instances`, `Instance`.
    pub items: &'static [&'static str],
}

impl PagingDescriptor {
    /// Pages about which nothing is known: the base for struct update syntax.
    pub const EMPTY: Self =
        Self { style: PagingStyle::Token, parameter: &[], size: &[], next: &[], more: &[], total: &[], items: &[] };
}

/// How a request says which page it asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PagingStyle {
    /// By the token that the response before gave out.
    Token,
    /// By the marker that the response before gave out, where a flag says whether another page follows.
    Marker,
    /// By its number.
    Number {
        /// The number of the first page: 0 or 1.
        first: u32,
    },
}
