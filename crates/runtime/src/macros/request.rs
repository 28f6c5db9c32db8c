//! `request!`: the parameters of an action as a struct, and its builder.

/// Declares a request: a struct of parameters with a builder whose `build` compiles only after every required parameter
/// is set.
///
/// Every parameter has the attribute `#[wire("NameOnTheWire")]`. Words after the name are methods of
/// [`ParameterDescriptor`](crate::descriptor::ParameterDescriptor): `form`, `flat`, `repeat_list`, `simple`,
/// `sensitive`. A documented value is in `#[example = "…"]`. A required parameter has `#[required("…")]` with the
/// compiler's message when it is forgotten; all others are `Option`s. Required parameters come first. The doc comment
/// is the parameter's description, too.
///
/// A setter takes `impl Into` of the parameter's type, or the type in `#[takes(…)]`. The latter is used for integers
/// and booleans, because an integer literal for `impl Into<i64>` has the type `i32`, which limits its size.
//
// The message is a separate text, because `diagnostic::on_unimplemented` can neither concatenate texts nor print a
// short name.
//
// A parameter is matched as a whole, required or not, because a repetition cannot be chosen by the tokens after a doc
// comment. The inner rules then see its doc comment as one token tree, and select required or optional ones by their
// repetition.
#[doc(hidden)]
#[macro_export]
macro_rules! __request {
    (
        $(#[doc = $about:literal])*
        $(#[deprecated = $instead:literal])?
        #[builder($builder:ident)]
        pub struct $name:ident {$(
            $(#[doc = $doc:literal])*
            $(#[deprecated = $field_instead:literal])?
            #[wire($wire:literal $(, $fact:ident)*)]
            $(#[example = $example:expr])?
            $(#[required($missing:literal)] $(#[takes($ra:ty)])? pub $required:ident: $rt:ty,)?
            $($(#[takes($oa:ty)])? pub $optional:ident: Option<$ot:ty>,)?
        )*}
    ) => {
        $(#[doc = $about])*
        $(#[deprecated = $instead])?
        #[derive(Clone, PartialEq)]
        #[non_exhaustive]
        pub struct $name {$(
            $(#[doc = $doc])*
            $(#[deprecated = $field_instead])?
            $(pub $required: $rt,)?
            $(pub $optional: Option<$ot>,)?
        )*}

        impl $crate::Request for $name {
            const PARAMETERS: &'static [$crate::descriptor::ParameterDescriptor] = &[$(
                $crate::descriptor::ParameterDescriptor::new($wire, concat!($($doc),*))
                    $(.required::<$rt>(stringify!($required)))?
                    $(.optional::<$ot>(stringify!($optional)))?
                    $(.$fact())*
                    $(.example($example))?,
            )*];

            fn each<'a>(
                &'a self,
                visit: &mut dyn FnMut(&'static $crate::descriptor::ParameterDescriptor, &'a dyn $crate::private::Value),
            ) {
                $crate::private::each_parameter(
                    <Self as $crate::Request>::PARAMETERS,
                    &[$($(&self.$required,)? $(&self.$optional,)?)*],
                    visit,
                );
            }
        }

        impl ::std::fmt::Debug for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                let each: $crate::private::EachParameter<'_> = &|visit| $crate::Request::each(self, visit);
                $crate::private::debug_request(stringify!($name), each, f)
            }
        }

        $crate::__serde!(request $name {$($($required)? $($optional)?)*});

        $crate::__request!(@new $name [$($($required: $rt, [$($ra)?];)?)*] [$($($optional)?)*]);

        $crate::__request!(@builder $name $builder {$((
            [$(#[doc = $doc])* $(#[deprecated = $field_instead])?]
            $(required $missing, $required: $rt, [$($ra)?];)?
            $(optional $optional: $ot, [$($oa)?];)?
        ))*});
    };

    (@new $name:ident [] [$($optional:ident)*]) => {
        impl $name {
            /// Creates a request without parameters.
            pub fn new() -> Self {
                Self { $($optional: None,)* }
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self::new()
            }
        }
    };
    (@new $name:ident [$required:ident: $type:ty, $takes:tt;] [$($optional:ident)*]) => {
        impl $name {
            /// Creates a request with its required parameter.
            pub fn new($required: $crate::__request!(@argument $type, $takes)) -> Self {
                Self { $required: Into::<$type>::into($required), $($optional: None,)* }
            }
        }
    };
    (@new $($several:tt)*) => {};

    (@builder $name:ident $builder:ident {$((
        $docs:tt
        $(required $missing:literal, $required:ident: $rt:ty, $ra:tt;)?
        $(optional $optional:ident: $ot:ty, $oa:tt;)?
    ))*}) => {
        impl $name {
            /// Creates a builder, whose `build` compiles only after every required parameter is set.
            pub fn builder() -> $builder {
                $builder { $($($required: $crate::private::Unset,)? $($optional: None,)?)* }
            }
        }

        // Hidden from rustdoc, which checks every blanket implementation for every type: this took 13 GB for 921
        // actions.
        #[cfg(not(doc))]
        #[doc(hidden)]
        #[allow(non_camel_case_types, missing_docs, missing_debug_implementations)]
        pub mod required {$($(
            #[diagnostic::on_unimplemented(message = $missing, label = "a required parameter is not set")]
            pub trait $required<T> {
                fn value(self) -> T;
            }
            impl<T> $required<T> for T {
                fn value(self) -> T {
                    self
                }
            }
        )?)*}

        #[doc = concat!("Builds a [`", stringify!($name), "`].")]
        ///
        /// There is one type parameter for each required parameter: `Unset` until the parameter is set.
        #[must_use = "a builder does nothing until `build` is called"]
        #[allow(non_camel_case_types, missing_debug_implementations)]
        pub struct $builder<$($($required = $crate::private::Unset,)?)*> {
            $($($required: $required,)? $($optional: Option<$ot>,)?)*
        }

        $crate::__request!(@required $builder [] [$($($required: $rt, $ra, $docs;)?)*] [$($($optional)?)*]);

        #[allow(non_camel_case_types)]
        impl<$($($required,)?)*> $builder<$($($required,)?)*> {
            $($($crate::__request!(@optional $docs $optional: $ot, $oa);)?)*

            /// Builds the request.
            #[cfg(not(doc))]
            pub fn build(self) -> $name
            where
                $($($required: required::$required<$rt>,)?)*
            {
                $name {$(
                    $($required: required::$required::<$rt>::value(self.$required),)?
                    $($optional: self.$optional,)?
                )*}
            }
        }

        #[cfg(doc)]
        #[allow(non_camel_case_types)]
        impl $builder<$($($rt,)?)*> {
            /// Builds the request. Compiles only after every required parameter is set.
            pub fn build(self) -> $name {
                $name { $($($required: self.$required,)? $($optional: self.$optional,)?)* }
            }
        }
    };

    (@optional [$($docs:tt)*] $optional:ident: $type:ty, $takes:tt) => {
        $($docs)*
        #[inline]
        pub fn $optional(mut self, value: $crate::__request!(@argument $type, $takes)) -> Self {
            self.$optional = Some(Into::<$type>::into(value));
            self
        }
    };

    (@argument $type:ty, []) => { impl Into<$type> };
    (@argument $type:ty, [$takes:ty]) => { $takes };

    (@required $builder:ident [$($before:ident)*] [] [$($optional:ident)*]) => {};
    (
        @required $builder:ident
        [$($before:ident)*]
        [$this:ident: $type:ty, $takes:tt, [$($docs:tt)*]; $($after:ident: $at:ty, $aa:tt, $ad:tt;)*]
        [$($optional:ident)*]
    ) => {
        #[allow(non_camel_case_types)]
        impl<$($before,)* $this, $($after,)*> $builder<$($before,)* $this, $($after,)*> {
            $($docs)*
            #[inline]
            pub fn $this(
                self,
                value: $crate::__request!(@argument $type, $takes),
            ) -> $builder<$($before,)* $type, $($after,)*> {
                $builder {
                    $($before: self.$before,)*
                    $this: Into::<$type>::into(value),
                    $($after: self.$after,)*
                    $($optional: self.$optional,)*
                }
            }
        }

        $crate::__request!(@required $builder [$($before)* $this] [$($after: $at, $aa, $ad;)*] [$($optional)*]);
    };
}
