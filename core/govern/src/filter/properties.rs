//! Keys that a filter takes out of an event.

use std::borrow::Cow;

use headwater_model::json::Object;

use crate::event_path::EventPath;

/// What every event must keep: nothing can be delivered without it.
const KEPT: [&str; 2] = ["type", "messageId"];

/// Keys by the object that they are in. The empty path is the event itself, of which `type` and `messageId` always stay. An
/// object's path goes through lists: a rule about `properties.products` is about each product.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fields(pub Vec<(EventPath, Vec<String>)>);

impl Fields {
    /// Takes these keys out.
    pub(super) fn drop_from(&self, event: &mut Cow<'_, Object>) {
        self.retain(event, |listed| !listed);
    }

    /// Takes all other keys out of the objects.
    pub(super) fn allow_in(&self, event: &mut Cow<'_, Object>) {
        self.retain(event, |listed| listed);
    }

    fn retain(&self, event: &mut Cow<'_, Object>, keep: fn(bool) -> bool) {
        for (path, keys) in &self.0 {
            let whole = path.keys().len() == 0;
            path.each_object(event.to_mut(), &mut |object| {
                object.retain(|key, _| {
                    keep(keys.iter().any(|listed| listed == key)) || (whole && KEPT.contains(&key))
                });
            });
        }
    }
}
