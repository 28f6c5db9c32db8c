//! Changes of the types of one module: objects with their fields, enumerations with their values.

use super::Verdict::{Major, Minor, Patch};
use super::{Changes, DOCUMENTATION, code, matched};
use crate::model::{About, Enum, Object, Types};
use crate::spec;

impl Changes {
    /// Compares modules of types. With `named`, types are reported themselves, as shared shapes are; otherwise they are
    /// reported with the parameter or field that has them.
    pub(super) fn types(&mut self, old: &Types<'_>, new: &Types<'_>, named: bool) {
        let objects = matched(&old.objects, &new.objects, |object| &object.name);
        let enums = matched(&old.enums, &new.enums, |values| &values.name);
        let gone = "programs that name the type do not compile";
        for object in objects.removed {
            if enums.added.iter().any(|values| values.name == object.name) {
                self.push("type", &object.name, "an object becomes text".to_owned(), Major, gone);
            } else {
                self.removed("type", &object.name, gone);
            }
        }
        for values in enums.removed {
            if objects.added.iter().any(|object| object.name == values.name) {
                self.push("type", &values.name, "text becomes an object".to_owned(), Major, gone);
            } else {
                self.removed("type", &values.name, gone);
            }
        }
        if named {
            let old_names =
                old.objects.iter().map(|object| &object.name).chain(old.enums.iter().map(|values| &values.name));
            let new_names =
                objects.added.iter().map(|object| &object.name).chain(enums.added.iter().map(|values| &values.name));
            for name in new_names.filter(|name| !old_names.clone().any(|old| old == *name)) {
                self.added("type", name, "only a new type");
            }
        }
        for (before, after) in objects.kept {
            self.object(before, after);
        }
        for (before, after) in enums.kept {
            self.values(before, after);
        }
    }

    fn object(&mut self, old: &Object<'_>, new: &Object<'_>) {
        let members = matched(&old.members, &new.members, |member| &member.facts.name.value);
        let place = |name: &str| format!("{}.{name}", new.name);
        for member in members.removed {
            self.removed("field", &place(&member.facts.name.value), "programs that read it do not compile");
        }
        for member in members.added {
            let reason = "generated types may get fields at any time (`#[non_exhaustive]`)";
            self.added("field", &place(&member.facts.name.value), reason);
        }
        for (before, after) in &members.kept {
            let (a, b) = (before.facts, after.facts);
            let name = place(&b.name.value);
            let at = ("field", name.as_str());
            self.fact(
                at,
                (&before.field, &after.field),
                |name| code(name),
                Major,
                "the field has another name in Rust",
            );
            let reason = "programs that read another type do not compile";
            self.fact(at, (before.ty.to_string(), after.ty.to_string()), |ty| code(&ty), Major, reason);
            self.sensitive(at, a.sensitive, b.sensitive);
            self.deprecated(at, a.deprecated.as_deref(), b.deprecated.as_deref());
            self.fact(
                at,
                (wire(&a.ty), wire(&b.ty)),
                std::convert::identity,
                Minor,
                "the same type is read from another form",
            );
            self.documentation(at, "description", &a.description, &b.description);
        }
        self.order(("type", &new.name), &members.kept, &new.members, Patch, DOCUMENTATION);
        self.documentation(("type", &new.name), "description", about(&old.about), about(&new.about));
    }

    fn values(&mut self, old: &Enum<'_>, new: &Enum<'_>) {
        let values = matched(&old.variants, &new.variants, |variant| variant.value);
        let place = |value: &str| format!("{}.{value}", new.name);
        for variant in values.removed {
            self.removed("value", &place(variant.value), "programs that match its variant do not compile");
        }
        for variant in values.added {
            let reason = "enumerations are open; a value that was `Unrecognized` gets a variant";
            self.added("value", &place(variant.value), reason);
        }
        for (before, after) in &values.kept {
            let name = place(after.value);
            let at = ("value", name.as_str());
            self.fact(at, (&before.name, &after.name), |name| code(name), Major, "its variant has another name");
            self.deprecated(at, before.deprecated, after.deprecated);
            self.documentation(at, "description", before.description, after.description);
        }
        let reason = "the order of the variants is that of `VALUES` and of comparisons with `<`";
        self.order(("type", &new.name), &values.kept, &new.variants, Minor, reason);
        self.documentation(("type", &new.name), "description", about(&old.about), about(&new.about));
    }
}

/// The documentation of a type.
fn about<'a>(about: &'a About<'_>) -> &'a str {
    match about {
        // The same for every action.
        About::Answer(_) => "",
        About::Described { text, .. } => text,
    }
}

/// The form on the wire as far as the Rust type does not show it: whether a list is wrapped in an object.
fn wire(ty: &spec::Type) -> String {
    match ty {
        spec::Type::Array(items) => format!("a list of {}", wire(items)),
        spec::Type::Wrapped(wrapped) => {
            format!("a list in the member {} of {}", code(&wrapped.member), wire(&wrapped.items))
        }
        spec::Type::Map(values) => format!("a map of {}", wire(values)),
        _ => "values".to_owned(),
    }
}
