//! The descriptor of paging.

/// The parameters and members that control the pages of an action.
///
/// Each is a path: the name on the wire of a parameter or of a member of the response, then those of the members inside;
/// empty if the specification names none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PagingDescriptor {
    /// The way in which a request selects a page.
    pub style: PagingStyle,
    /// The parameter that selects the page, e.g. `NextToken`.
    pub parameter: &'static [&'static str],
    /// The parameter for the page size, e.g. `MaxResults`.
    pub size: &'static [&'static str],
    /// The member with the value of `parameter` for the next page, e.g. `NextToken`.
    pub next: &'static [&'static str],
    /// The member that says whether a page follows, e.g. `IsTruncated`.
    pub more: &'static [&'static str],
    /// The member with the number of items of all pages, e.g. `TotalCount`.
    pub total: &'static [&'static str],
    /// The list with the items of a page, e.g. `Instances`, `Instance`.
    pub items: &'static [&'static str],
}

impl PagingDescriptor {
    /// An empty descriptor, as the base for struct update syntax.
    pub const EMPTY: Self =
        Self { style: PagingStyle::Token, parameter: &[], size: &[], next: &[], more: &[], total: &[], items: &[] };
}

/// The way in which a request selects a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PagingStyle {
    /// By the token of the previous response.
    Token,
    /// By the marker of the previous response, which has a flag that says whether a page follows.
    Marker,
    /// By its number.
    Number {
        /// The number of the first page: 0 or 1.
        first: u32,
    },
    /// By the number of items before it.
    Offset,
}
