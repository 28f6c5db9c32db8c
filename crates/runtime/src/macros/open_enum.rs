//! `open_enum!`: text with documented values that keeps every other value.

/// Declares an open enumeration. The discriminant of a variant is the value on the wire: `Connected = "CONNECTED",`.
#[doc(hidden)]
#[macro_export]
macro_rules! __open_enum {
    (
        $(#[$meta:meta])*
        pub enum $name:ident {$(
            $(#[$about:meta])*
            $variant:ident = $value:expr,
        )*}
    ) => {
        $(#[$meta])*
        ///
        /// More values may be added at any time: match with a wildcard arm, and read any value with `as_str`.
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$about])* $variant,)*
            /// A value without a variant in this version, unchanged.
            Unrecognized($crate::UnrecognizedValue),
        }

        impl $name {
            /// All documented values, as they are spelled on the wire.
            pub const VALUES: &'static [&'static str] = &[$($value),*];

            /// The variants of [`VALUES`](Self::VALUES). A product has thousands of error codes, and a table compiles
            /// faster than a comparison with each.
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
                match $crate::private::documented(Self::VALUES, Self::DOCUMENTED, value) {
                    Some(variant) => variant.clone(),
                    None => Self::Unrecognized($crate::private::unrecognized(value)),
                }
            }
        }

        impl ::std::convert::From<String> for $name {
            fn from(value: String) -> Self {
                Self::from(value.as_str())
            }
        }

        impl ::std::str::FromStr for $name {
            type Err = ::std::convert::Infallible;

            // `Self::Err` may be a variant, too.
            fn from_str(value: &str) -> Result<Self, ::std::convert::Infallible> {
                Ok(Self::from(value))
            }
        }

        impl ::std::convert::AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                self.as_str()
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl $crate::private::OpenEnum for $name {
            fn set(&mut self, value: &str) {
                *self = Self::from(value);
            }
        }

        impl $crate::private::Value for $name {
            fn view(&self) -> $crate::private::View<'_> {
                $crate::private::View::Text(self.as_str())
            }
            fn slot(&mut self) -> $crate::private::Slot<'_> {
                $crate::private::Slot::Enum(self)
            }
            fn clear(&mut self) {
                *self = <Self as $crate::private::Value>::empty();
            }
            fn empty() -> Self {
                Self::from("")
            }
        }

        impl $crate::private::Typed for $name {
            const KIND: $crate::descriptor::ValueKind = $crate::descriptor::ValueKind::String;
            const VALUES: &'static [&'static str] = Self::VALUES;
        }

        $crate::__serde!($name);
    };
}
