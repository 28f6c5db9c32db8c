//! `paged!`: where the pages of an action have their parameter and their items.

/// The members of an implementation of [`Paged`](crate::pages::Paged): the field of the request that says which page, and the way to the
/// list of items, field by field from the output.
#[doc(hidden)]
#[macro_export]
macro_rules! __paged {
    ($parameter:ident, $($items:ident).+) => {
        #[allow(deprecated)]
        fn page_parameter(&mut self) -> &mut dyn $crate::private::Value {
            &mut self.$parameter
        }

        #[allow(deprecated)]
        fn take_items(output: Self::Output) -> Vec<Self::Item> {
            $crate::__paged!(@take output $($items)+)
        }
    };
    (@take $object:ident $list:ident) => { $object.$list };
    (@take $object:ident $member:ident $($rest:ident)+) => {
        match $object.$member {
            Some(object) => $crate::__paged!(@take object $($rest)+),
            None => Vec::new(),
        }
    };
}
