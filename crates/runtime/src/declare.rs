//! The vocabulary of generated code: macros that turn a table of facts into types.
//!
//! Generated files are tables; what every row expands to is written here once. The macros are not meant to be used by hand,
//! and their syntax may change in any release: generated code and runtime are released together.

/// Declares objects: structs whose members are values of an answer or of a compound parameter.
///
/// What every type needs of its own is three lists of its members; what is done with them is in [`value`](crate::value) once, and
/// not compiled again for each type.
///
/// A type begins with `Name: "Documentation." {`. A row is `field: Type = "NameOnTheWire", "Documentation.";`, with `sensitive`
/// after the name where the value must not be printed.
#[doc(hidden)]
#[macro_export]
macro_rules! objects {
    ($($(#[$meta:meta])* $name:ident $(: $about:literal)? {
        $($field:ident: $type:ty = $wire:literal $($flag:ident)?, $doc:literal;)*
    })*) => {$(
        $(#[$meta])*
        $(#[doc = $about])?
        #[derive(Clone, PartialEq, Default)]
        #[non_exhaustive]
        pub struct $name {
            $(#[doc = $doc] pub $field: $type,)*
        }

        impl $crate::value::Object for $name {
            fn type_name(&self) -> &'static str {
                stringify!($name)
            }
            fn each<'a>(&'a self, visit: &mut dyn FnMut($crate::value::Member, &'a dyn $crate::value::Value)) {
                $crate::value::each_member(Self::MEMBERS, &[$(&self.$field,)*], visit);
            }
            fn member(&mut self, name: &str) -> Option<&mut dyn $crate::value::Value> {
                $crate::value::find_member(Self::MEMBERS, name, &mut [$(Some(&mut self.$field),)*])
            }
            fn reset(&mut self) {
                $crate::value::clear_members(&mut [$(&mut self.$field,)*]);
            }
        }

        impl $name {
            const MEMBERS: &'static [$crate::value::Member] = &[$(
                $crate::value::Member { name: $wire, field: $crate::value::field_name(stringify!($field)), sensitive: $crate::objects!(@sensitive $($flag)?) },
            )*];
        }

        impl $crate::value::Value for $name {
            fn view(&self) -> $crate::value::View<'_> {
                $crate::value::View::Object(self)
            }
            fn slot(&mut self) -> $crate::value::Slot<'_> {
                $crate::value::Slot::Object(self)
            }
            fn clear(&mut self) {
                $crate::value::Object::reset(self);
            }
            fn empty() -> Self {
                Self::default()
            }
        }

        impl $crate::value::Typed for $name {
            const KIND: $crate::descriptor::ValueKind = $crate::descriptor::ValueKind::Object;
        }

        impl ::std::fmt::Debug for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                $crate::value::debug_object(self, f)
            }
        }
    )*};
    (@sensitive) => { false };
    (@sensitive sensitive) => { true };
}

/// Declares open enumerations: text with documented values that keeps every other value.
///
/// A type begins with `Name: "Documentation." {`. A row is `Variant = "value", "Documentation.";`.
#[doc(hidden)]
#[macro_export]
macro_rules! open_enums {
    ($($(#[$meta:meta])* $name:ident $(: $about:literal)? {
        $($variant:ident = $value:literal, $doc:literal;)*
    })*) => {$(
        $(#[$meta])*
        $(#[doc = $about])?
        ///
        /// More values may come at any time: match with a wildcard arm, and read any value with `as_str`.
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum $name {
            $(#[doc = $doc] $variant,)*
            /// A value that this version does not know, kept as it came.
            Unrecognized($crate::value::UnrecognizedValue),
        }

        impl $name {
            /// All documented values, as they are spelled on the wire.
            pub const VALUES: &'static [&'static str] = &[$($value),*];

            /// The variants of [`VALUES`](Self::VALUES). A product has thousands of error codes, and a table compiles faster than a
            /// comparison with each.
            const DOCUMENTED: &'static [Self] = &[$(Self::$variant),*];

            /// The value as it is spelled on the wire.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $value,)*
                    Self::Unrecognized(value) => value.as_str(),
                }
            }
        }

        impl ::std::convert::From<&str> for $name {
            fn from(value: &str) -> Self {
                match $crate::value::documented(Self::VALUES, Self::DOCUMENTED, value) {
                    Some(variant) => variant.clone(),
                    None => Self::Unrecognized(value.into()),
                }
            }
        }

        impl ::std::convert::From<String> for $name {
            fn from(value: String) -> Self {
                Self::from(value.as_str())
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl $crate::value::OpenEnum for $name {
            fn set(&mut self, value: &str) {
                *self = Self::from(value);
            }
        }

        impl $crate::value::Value for $name {
            fn view(&self) -> $crate::value::View<'_> {
                $crate::value::View::Text(self.as_str())
            }
            fn slot(&mut self) -> $crate::value::Slot<'_> {
                $crate::value::Slot::Enum(self)
            }
            fn clear(&mut self) {
                *self = <Self as $crate::value::Value>::empty();
            }
            fn empty() -> Self {
                Self::from("")
            }
        }

        impl $crate::value::Typed for $name {
            const KIND: $crate::descriptor::ValueKind = $crate::descriptor::ValueKind::String;
            const VALUES: &'static [&'static str] = Self::VALUES;
        }
    )*};
}

/// Declares a request: a struct of parameters with a builder that compiles only once every required parameter is set.
///
/// A row is `optional field: Type = "NameOnTheWire" { facts }, "Documentation.";`, or `required` with one more text, the
/// compiler's message when the parameter is forgotten. Required rows come first. The facts are fields of
/// [`ParameterDescriptor`](crate::descriptor::ParameterDescriptor).
//
// The message is a row's own text because an attribute can neither concatenate texts nor print a short name.
#[doc(hidden)]
#[macro_export]
macro_rules! request {
    ($(#[$meta:meta])* $name:ident / $builder:ident {
        $(required $rf:ident: $rt:ty = $rw:literal { $($rk:ident: $rv:expr),* $(,)? }, $rd:literal, $missing:literal;)*
        $(optional $of:ident: $ot:ty = $ow:literal { $($ok:ident: $ov:expr),* $(,)? }, $od:literal;)*
    }) => {
        $(#[$meta])*
        #[derive(Clone, PartialEq)]
        #[non_exhaustive]
        pub struct $name {
            $(#[doc = $rd] pub $rf: $rt,)*
            $(#[doc = $od] pub $of: Option<$ot>,)*
        }

        $crate::request!(@new $name [$($rf: $rt,)*] [$($of)*]);

        impl $name {
            /// A builder. Its `build` compiles only once every required parameter is set.
            pub fn builder() -> $builder {
                $builder { $($rf: $crate::action::Unset,)* $($of: None,)* }
            }
        }

        impl $crate::action::Request for $name {
            const PARAMETERS: &'static [$crate::descriptor::ParameterDescriptor] = &[
                $($crate::descriptor::ParameterDescriptor {
                    name: $rw,
                    field: $crate::value::field_name(stringify!($rf)),
                    kind: <$rt as $crate::value::Typed>::KIND,
                    values: <$rt as $crate::value::Typed>::VALUES,
                    required: true,
                    description: $rd,
                    $($rk: $rv,)*
                    ..$crate::descriptor::ParameterDescriptor::EMPTY
                },)*
                $($crate::descriptor::ParameterDescriptor {
                    name: $ow,
                    field: $crate::value::field_name(stringify!($of)),
                    kind: <$ot as $crate::value::Typed>::KIND,
                    values: <$ot as $crate::value::Typed>::VALUES,
                    description: $od,
                    $($ok: $ov,)*
                    ..$crate::descriptor::ParameterDescriptor::EMPTY
                },)*
            ];

            fn each<'a>(
                &'a self,
                visit: &mut dyn FnMut(&'static $crate::descriptor::ParameterDescriptor, &'a dyn $crate::value::Value),
            ) {
                let values: &[&'a dyn $crate::value::Value] = &[$(&self.$rf,)* $(&self.$of,)*];
                for (parameter, value) in <Self as $crate::action::Request>::PARAMETERS.iter().zip(values) {
                    visit(parameter, *value);
                }
            }
        }

        impl ::std::fmt::Debug for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                let each: $crate::action::EachParameter<'_> = &|visit| $crate::action::Request::each(self, visit);
                $crate::action::debug_request(stringify!($name), each, f)
            }
        }

        // Not for rustdoc: it looks at every trait that is for all types once for every type, which took 13 GB for 921 actions.
        #[cfg(not(doc))]
        #[doc(hidden)]
        #[allow(non_camel_case_types, missing_docs, missing_debug_implementations)]
        pub mod required {
            $(
                #[diagnostic::on_unimplemented(message = $missing, label = "a required parameter is not set")]
                pub trait $rf<T> {
                    fn value(self) -> T;
                }
                impl<T> $rf<T> for T {
                    fn value(self) -> T {
                        self
                    }
                }
            )*
        }

        #[doc = concat!("Builds a [`", stringify!($name), "`].")]
        ///
        /// There is one type parameter for each required parameter: `Unset` until the parameter is set.
        #[must_use = "a builder does nothing until `build` is called"]
        #[allow(non_camel_case_types, missing_debug_implementations)]
        pub struct $builder<$($rf = $crate::action::Unset,)*> {
            $($rf: $rf,)*
            $($of: Option<$ot>,)*
        }

        $crate::request!(@setters $builder [] [$($rf: $rt, $rd;)*] [$($of)*]);

        #[allow(non_camel_case_types)]
        impl<$($rf,)*> $builder<$($rf,)*> {
            $(
                #[doc = $od]
                pub fn $of(mut self, value: impl Into<$ot>) -> Self {
                    self.$of = Some(value.into());
                    self
                }
            )*

            /// The finished request.
            #[cfg(not(doc))]
            pub fn build(self) -> $name
            where
                $($rf: required::$rf<$rt>,)*
            {
                $name { $($rf: required::$rf::<$rt>::value(self.$rf),)* $($of: self.$of,)* }
            }
        }

        #[cfg(doc)]
        #[allow(non_camel_case_types)]
        impl $builder<$($rt,)*> {
            /// The finished request. Compiles only once every required parameter is set.
            pub fn build(self) -> $name {
                $name { $($rf: self.$rf,)* $($of: self.$of,)* }
            }
        }
    };

    (@new $name:ident [] [$($of:ident)*]) => {
        impl $name {
            /// A request without any parameter.
            pub fn new() -> Self {
                Self { $($of: None,)* }
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self::new()
            }
        }
    };
    (@new $name:ident [$rf:ident: $rt:ty,] [$($of:ident)*]) => {
        impl $name {
            /// A request with the one required parameter.
            pub fn new($rf: impl Into<$rt>) -> Self {
                Self { $rf: $rf.into(), $($of: None,)* }
            }
        }
    };
    (@new $($several:tt)*) => {};

    (@setters $builder:ident [$($before:ident)*] [] [$($of:ident)*]) => {};
    (@setters $builder:ident [$($before:ident)*] [$this:ident: $type:ty, $doc:literal; $($after:ident: $at:ty, $ad:literal;)*] [$($of:ident)*]) => {
        #[allow(non_camel_case_types)]
        impl<$($before,)* $this, $($after,)*> $builder<$($before,)* $this, $($after,)*> {
            #[doc = $doc]
            pub fn $this(self, value: impl Into<$type>) -> $builder<$($before,)* $type, $($after,)*> {
                $builder {
                    $($before: self.$before,)*
                    $this: value.into(),
                    $($after: self.$after,)*
                    $($of: self.$of,)*
                }
            }
        }

        $crate::request!(@setters $builder [$($before)* $this] [$($after: $at, $ad;)*] [$($of)*]);
    };
}
