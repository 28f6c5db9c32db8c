//! The traits of `serde` for the types of generated code, with the feature `serde`.

/// Implements `Serialize` and `Deserialize` with the names on the wire. Each implementation is a single call, unlike
/// derived ones.
#[cfg(feature = "serde")]
#[doc(hidden)]
#[macro_export]
macro_rules! __serde {
    ($name:ident) => {
        impl $crate::private::Serialize for $name {
            fn serialize<S: $crate::private::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                $crate::private::Serialize::serialize(&$crate::private::Value::view(self), serializer)
            }
        }

        impl<'de> $crate::private::Deserialize<'de> for $name {
            fn deserialize<D: $crate::private::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let mut value = <Self as $crate::private::Value>::empty();
                $crate::private::stored::read(stringify!($name), &mut value, deserializer)?;
                Ok(value)
            }
        }
    };
    (request $name:ident {$($field:ident)*}) => {
        impl $crate::private::Serialize for $name {
            fn serialize<S: $crate::private::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let each: $crate::private::EachParameter<'_> = &|visit| $crate::Request::each(self, visit);
                $crate::private::stored::write_request(each, serializer)
            }
        }

        impl<'de> $crate::private::Deserialize<'de> for $name {
            fn deserialize<D: $crate::private::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let mut request = Self { $($field: $crate::private::Value::empty(),)* };
                $crate::private::stored::read_request(
                    stringify!($name),
                    <Self as $crate::Request>::PARAMETERS,
                    &mut [$(&mut request.$field,)*],
                    deserializer,
                )?;
                Ok(request)
            }
        }
    };
}

/// Expands to nothing, because the feature `serde` is off.
#[cfg(not(feature = "serde"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __serde {
    ($($ignored:tt)*) => {};
}
