//! Who is told of what happens to roles, as a class says it and as a role asks for it.

use std::collections::BTreeMap;
use std::sync::Arc;

use crossrole_api::{AccountClass, NoticeKind, Notify};

use crate::refusal::Refusal;
use crate::rules::invalid;

/// Somebody who can be told, over HTTPS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notifier {
    /// The AccountClass that names it.
    pub class: String,
    /// Its name in that class.
    pub name: String,
    /// Where notices are sent.
    pub url: String,
    /// The file with the secret that signs them, below the operator's folder of such files.
    pub secret_file: String,
}

/// Who is told of what happens to roles in accounts of a class.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notifying {
    notifiers: BTreeMap<String, Arc<Notifier>>,
    /// Of any role.
    always: Option<Notify>,
}

impl Notifying {
    /// Reads `spec.notifiers` and `spec.notify` of an AccountClass.
    ///
    /// # Errors
    /// A URL that is not https or that holds what does not belong into one, a file that is not below a folder, a name that is
    /// there twice or not at all.
    pub fn parse(object: &AccountClass) -> Result<Self, Refusal> {
        let class = object.metadata.name.clone().unwrap_or_default();
        let mut notifiers = BTreeMap::new();
        for (index, written) in object.spec.notifiers.iter().enumerate() {
            let field = |name: &str| format!("notifiers[{index}].{name}");
            check_url(&written.url).map_err(|problem| invalid(&field("url"), problem))?;
            check_file(&written.secret_file).map_err(|problem| invalid(&field("secretFile"), problem))?;
            let notifier = Arc::new(Notifier {
                class: class.clone(),
                name: written.name.clone(),
                url: written.url.clone(),
                secret_file: written.secret_file.clone(),
            });
            if notifiers.insert(written.name.clone(), notifier).is_some() {
                let problem = format!("{} is the name of another notifier too", written.name);
                return Err(invalid(&field("name"), &problem));
            }
        }
        let always = object.spec.notify.clone();
        if let Some(notify) = always.as_ref().filter(|notify| !notifiers.contains_key(&notify.to)) {
            let problem = format!("{} is none of spec.notifiers: write the name of one", notify.to);
            return Err(invalid("notify.to", &problem));
        }
        Ok(Self { notifiers, always })
    }

    /// Whether the class has a notifier of this name.
    pub fn knows(&self, name: &str) -> bool {
        self.notifiers.contains_key(name)
    }

    /// Who is told of something of this kind that happened to a role which itself asks for `role`: nobody twice. What a
    /// role asks for comes on top of what the class says, so no namespace silences the class.
    pub fn told(&self, role: Option<&Notify>, kind: NoticeKind) -> Vec<&Arc<Notifier>> {
        let wanted = [self.always.as_ref(), role].into_iter().flatten();
        let mut names: Vec<&str> = wanted
            .filter(|notify| notify.of.contains(&kind))
            .map(|notify| notify.to.as_str())
            .collect();
        names.dedup();
        names.into_iter().filter_map(|name| self.notifiers.get(name)).collect()
    }
}

/// `https://host…`. What is after the host is the receiver's own.
fn check_url(url: &str) -> Result<(), &'static str> {
    let Some(rest) = url.strip_prefix("https://") else {
        return Err("write an https URL: a notice says who may do what");
    };
    let host = rest.split(['/', '?']).next().unwrap_or_default();
    if host.is_empty() || host.starts_with(':') {
        return Err("has no host");
    }
    let is_plain = |letter: char| letter.is_ascii_graphic() && letter != '@' && letter != '#';
    if url.chars().all(is_plain) {
        Ok(())
    } else {
        Err("holds a user, a fragment, white space or letters that a URL has not")
    }
}

/// `folder/file`, without a way up or out.
fn check_file(path: &str) -> Result<(), &'static str> {
    let is_name = |name: &str| {
        !name.is_empty()
            && !name.starts_with(['.', '-'])
            && name
                .chars()
                .all(|letter| letter.is_ascii_alphanumeric() || "_.-".contains(letter))
    };
    if path.split('/').all(is_name) {
        Ok(())
    } else {
        Err("write a path below --notifier-secrets-dir, such as chat/secret, without .. and no absolute one")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::Rules;
    use crate::testing::{CLASS, check_table, class, verdict};

    fn rules(notifiers: &str) -> Result<Rules, Refusal> {
        Rules::parse(&class(&format!("{CLASS}{notifiers}")))
    }

    fn notify(to: &str, of: &[NoticeKind]) -> Notify {
        Notify {
            of: of.to_vec(),
            to: to.to_string(),
        }
    }

    #[test]
    fn a_class_tells_only_over_https_and_signs_only_with_files_of_the_folder() {
        let with = |url: &str, file: &str| format!("notifiers: [{{name: chat, url: '{url}', secretFile: '{file}'}}]\n");
        let url = |url: &str| with(url, "chat/secret");
        let file = |file: &str| with("https://hooks.example.com/x", file);
        let refused =
            |field: &str, problem: &str| format!("InvalidClass, AccountClass spec.notifiers[0].{field}: {problem}");
        let plain = "holds a user, a fragment, white space or letters that a URL has not";
        let below = "write a path below --notifier-secrets-dir, such as chat/secret, without .. and no absolute one";
        let https = "write an https URL: a notice says who may do what";
        for (text, expected) in [
            (url("https://hooks.example.com/x?team=security"), "passes".to_string()),
            (url("https://10.1.2.3:8443"), "passes".to_string()),
            (url("http://hooks.example.com/x"), refused("url", https)),
            (url("HTTPS://hooks.example.com/x"), refused("url", https)),
            (url("file:///etc/passwd"), refused("url", https)),
            (url("https://"), refused("url", "has no host")),
            (url("https:///x"), refused("url", "has no host")),
            (url("https://:443/x"), refused("url", "has no host")),
            (url("https://user:word@example.com/"), refused("url", plain)),
            (url("https://example.com/#x"), refused("url", plain)),
            (url("https://example.com/a b"), refused("url", plain)),
            (url("https://exämple.com/"), refused("url", plain)),
            (file("secret"), "passes".to_string()),
            (file("a/b/c.d_e-f"), "passes".to_string()),
            (file("/etc/passwd"), refused("secretFile", below)),
            (file("../token"), refused("secretFile", below)),
            (file("chat/../../token"), refused("secretFile", below)),
            (file("..data/secret"), refused("secretFile", below)),
            (file("chat//secret"), refused("secretFile", below)),
            (file("chat/"), refused("secretFile", below)),
        ] {
            assert_eq!(verdict(rules(&text)), expected, "{text}");
        }
        let chat = url("https://hooks.example.com/x");
        let twice = "notifiers: [{name: a, url: 'https://a.example', secretFile: a}, {name: a, url: 'https://b.example', secretFile: b}]\n";
        let rows: &[(&str, String, &str)] = &[
            (
                "a class that tells one of its notifiers",
                format!("{chat}notify: {{of: [Assumed], to: chat}}\n"),
                "passes",
            ),
            (
                "a class that tells somebody whom it does not know",
                format!("{chat}notify: {{of: [Assumed], to: pager}}\n"),
                "InvalidClass, AccountClass spec.notify.to: pager is none of spec.notifiers: write the name of one",
            ),
            (
                "a name that is there twice",
                twice.to_string(),
                "InvalidClass, AccountClass spec.notifiers[1].name: a is the name of another notifier too",
            ),
        ];
        check_table(rows, |text| verdict(rules(text)));
    }

    #[test]
    fn a_role_adds_to_whom_its_class_tells_and_silences_nobody() {
        let text = "notifiers:
- {name: chat, url: 'https://chat.example', secretFile: chat}
- {name: pager, url: 'https://pager.example', secretFile: pager}
notify: {of: [Denied, ChangedOutside], to: pager}
";
        let rules = rules(text).unwrap();
        let told = |role: Option<&Notify>, kind| -> Vec<String> {
            let told = rules.notifying.told(role, kind);
            told.into_iter().map(|notifier| notifier.name.clone()).collect()
        };
        use NoticeKind::{Assumed, ChangedOutside, Denied};
        let chat = notify("chat", &[Assumed, Denied]);
        assert_eq!(told(None, Assumed), Vec::<String>::new());
        assert_eq!(told(None, Denied), ["pager"]);
        assert_eq!(told(Some(&chat), Assumed), ["chat"]);
        assert_eq!(told(Some(&chat), Denied), ["pager", "chat"]);
        assert_eq!(told(Some(&chat), ChangedOutside), ["pager"]);
        // The same one, asked for twice.
        assert_eq!(told(Some(&notify("pager", &[Denied])), Denied), ["pager"]);
        // One whom the class does not know: the others are told.
        assert_eq!(told(Some(&notify("nobody", &[Denied])), Denied), ["pager"]);
        assert!(rules.notifying.knows("chat") && !rules.notifying.knows("nobody"));
    }
}
