//! `serde`'s traits for the types of generated code, where the feature is on.

/// Implements `Serialize` and `Deserialize` with the names on the wire. Without derive: what a type needs of its own is a call.
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

/// Nothing: the feature `serde` is off.
#[cfg(not(feature = "serde"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __serde {
    ($($ignored:tt)*) => {};
}
