//! `object!`: a struct whose members are values of a response or of a compound parameter.

/// Declares an object.
///
/// Every member has the attribute `#[wire("NameOnTheWire")]`, with `sensitive` after the name if the value must not be
/// printed.
///
/// The expansion has three lists of members for each type. The code that uses them is in `value`, so that it is not
/// compiled again for each type.
#[doc(hidden)]
#[macro_export]
macro_rules! __object {
    (
        $(#[$meta:meta])*
        pub struct $name:ident {$(
            $(#[doc = $doc:literal])*
            $(#[deprecated = $instead:literal])?
            #[wire($wire:literal $(, $fact:ident)*)]
            pub $field:ident: $type:ty,
        )*}
    ) => {
        $(#[$meta])*
        #[derive(Clone, PartialEq, Default)]
        #[non_exhaustive]
        pub struct $name {$(
            $(#[doc = $doc])*
            $(#[deprecated = $instead])?
            pub $field: $type,
        )*}

        impl $crate::private::Object for $name {
            fn type_name(&self) -> &'static str {
                stringify!($name)
            }
            fn each<'a>(&'a self, visit: &mut dyn FnMut($crate::private::Member, &'a dyn $crate::private::Value)) {
                $crate::private::each_member(Self::MEMBERS, &[$(&self.$field,)*], visit);
            }
            fn member(&mut self, name: &str) -> Option<&mut dyn $crate::private::Value> {
                $crate::private::find_member(Self::MEMBERS, name, &mut [$(Some(&mut self.$field),)*])
            }
            fn reset(&mut self) {
                $crate::private::clear_members(&mut [$(&mut self.$field,)*]);
            }
        }

        impl $name {
            const MEMBERS: &'static [$crate::private::Member] = &[$(
                $crate::private::Member::new($wire, stringify!($field))$(.$fact())*,
            )*];
        }

        impl $crate::private::Value for $name {
            fn view(&self) -> $crate::private::View<'_> {
                $crate::private::View::Object(self)
            }
            fn slot(&mut self) -> $crate::private::Slot<'_> {
                $crate::private::Slot::Object(self)
            }
            fn clear(&mut self) {
                $crate::private::Object::reset(self);
            }
            fn empty() -> Self {
                Self::default()
            }
        }

        impl $crate::private::Typed for $name {
            const KIND: $crate::descriptor::ValueKind = $crate::descriptor::ValueKind::Object;
        }

        impl ::std::fmt::Debug for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                $crate::private::debug_object(self, f)
            }
        }

        $crate::__serde!($name);
    };
}
