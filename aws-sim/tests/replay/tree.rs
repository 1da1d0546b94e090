//! An answer's XML as a tree.

use serde_json::{Map, Value};

/// The inside of the outermost element: objects for elements with children, lists for members, texts for the rest.
pub fn tree(xml: &str) -> Value {
    let (_, rest) = xml.split_once('>').unwrap();
    inside(&mut &*rest)
}

fn inside(rest: &mut &str) -> Value {
    let (mut fields, mut members, mut text) = (Map::new(), Vec::new(), String::new());
    loop {
        let (before, after) = rest.split_once('<').unwrap();
        text.push_str(before);
        let (name, after) = after.split_once('>').unwrap();
        *rest = after;
        if name.starts_with('/') {
            break;
        }
        let child = inside(rest);
        match name {
            "member" => members.push(child),
            "entry" => {
                fields.insert(child["key"].as_str().unwrap().to_owned(), child["value"].clone());
            }
            _ => {
                fields.insert(name.to_owned(), child);
            }
        }
    }
    match (fields.is_empty(), members.is_empty()) {
        (false, _) => Value::Object(fields),
        (_, false) => Value::Array(members),
        _ => Value::String(
            text.replace("&lt;", "<")
                .replace("&gt;", ">")
                .replace("&quot;", "\"")
                .replace("&amp;", "&"),
        ),
    }
}
