//! The standard plans are valid, and documented events pass them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use headwater_govern::plan::Plan;
use headwater_model::event::EventType;
use headwater_model::json::{Limits, Object, Value, parse};
use headwater_workspace::{standard_plan, standard_plans};

fn json(text: &str) -> Value {
    parse(text.as_bytes(), &Limits::default()).unwrap()
}

fn plan(name: &str) -> Plan {
    Plan::parse(name, &json(standard_plan(name).unwrap())).unwrap()
}

fn event(name: &str, properties: &str) -> Object {
    json(&format!(
        r#"{{"type":"track","event":"{name}","context":{{"groupId":"g1"}},"properties":{properties}}}"#
    ))
    .into_object()
    .unwrap()
}

#[test]
fn each_standard_plan_is_read_without_a_warning_and_has_all_its_events() {
    let counts: Vec<(&str, usize)> = standard_plans()
        .map(|name| {
            let plan = plan(name);
            assert_eq!(plan.warnings(), [""; 0], "{name}");
            (name, plan.events().count())
        })
        .collect();
    assert_eq!(
        counts,
        [
            ("b2b", 10),
            ("ecommerce", 28),
            ("email", 6),
            ("live-chat", 4),
            ("mobile", 13),
            ("video", 17)
        ]
    );
}

#[test]
fn events_of_the_documented_form_pass() {
    let product = r#""product_id":"p1","sku":"G-32","category":"Games","name":"Board game","brand":"Maker","variant":"large",
        "price":18.99,"quantity":1,"coupon":"MAY","currency":"USD","position":3,"value":18.99,"url":"https://shop.example/p1",
        "image_url":"https://shop.example/p1.jpg""#;
    for (plan_name, name, properties) in [
        ("ecommerce", "Products Searched", r#"{"query":"blue jeans"}"#.to_owned()),
        (
            "ecommerce",
            "Product List Filtered",
            format!(r#"{{"list_id":"l1","filters":[{{"type":"price","value":"under-25"}}],"sorts":[{{"type":"price","value":"desc"}}],"products":[{{{product}}}]}}"#),
        ),
        ("ecommerce", "Product Added", format!(r#"{{"cart_id":"c1",{product}}}"#)),
        (
            "ecommerce",
            "Order Completed",
            format!(r#"{{"checkout_id":"c1","order_id":"o1","affiliation":"Store","total":27.5,"subtotal":22.5,"revenue":25.0,"shipping":3,"tax":2,"discount":2.5,"coupon":"may","currency":"EUR","products":[{{{product}}}]}}"#),
        ),
        ("ecommerce", "Product Reviewed", r#"{"product_id":"p1","review_id":"r1","review_body":"good","rating":"5"}"#.to_owned()),
        (
            "video",
            "Video Playback Started",
            r#"{"session_id":"1","content_asset_ids":["a1"],"content_pod_ids":["s1"],"ad_asset_ids":["ad1"],"ad_pod_ids":["p1"],"ad_types":["pre-roll"],"position":0,"total_length":392,"bitrate":100,"framerate":29.97,"video_player":"youtube","sound":88,"full_screen":false,"ad_enabled":true,"quality":"hd1080","livestream":false}"#.to_owned(),
        ),
        (
            "video",
            "Video Playback Paused",
            r#"{"session_id":"1","content_asset_id":"a1","content_pod_id":"s1","ad_asset_id":null,"ad_pod_id":null,"ad_type":null,"position":278,"total_length":null,"sound":55,"livestream":true}"#.to_owned(),
        ),
        ("video", "Video Ad Started", r#"{"session_id":"1","asset_id":"ad1","pod_id":"p1","type":"mid-roll","position":0,"total_length":21,"load_type":"dynamic"}"#.to_owned()),
        ("b2b", "Trial Started", r#"{"trial_start_date":"2026-01-01","trial_end_date":"2026-02-01","trial_plan_name":"Business"}"#.to_owned()),
        ("b2b", "Invite Sent", r#"{"invitee_email":"a@shop.example","invitee_role":"Owner"}"#.to_owned()),
        ("mobile", "Application Installed", r#"{"version":"1.2.3","build":1234}"#.to_owned()),
        ("mobile", "Application Opened", r#"{"from_background":false,"referring_application":"GMail","url":"url://location"}"#.to_owned()),
        ("mobile", "Push Notification Tapped", r#"{"action":"Accept","campaign":{"medium":"Push","source":"Vendor","name":"Referral","content":"Hello"}}"#.to_owned()),
        ("email", "Email Link Clicked", r#"{"email_id":"e1","email_subject":"Hello","campaign_id":"c1","campaign_name":"News","link_id":"l1","link_url":"https://shop.example"}"#.to_owned()),
        ("live-chat", "Live Chat Conversation Ended", r#"{"agent_id":"a1","agent_name":"Gob","conversation_id":"c1","conversation_duration":3678}"#.to_owned()),
    ] {
        let event = event(name, &properties);
        let checked = plan(plan_name).check(EventType::Track, &event);
        assert!(checked.planned, "{name}");
        assert_eq!(checked.violations, [], "{name}");
        assert_eq!(checked.unplanned, [""; 0], "{name}");
    }
}

#[test]
fn an_order_without_its_id_and_with_a_price_as_text_violates() {
    let event = event(
        "Order Completed",
        r#"{"total":"27.5","products":[{"price":"18"}]}"#,
    );
    let checked = plan("ecommerce").check(EventType::Track, &event);
    let told: Vec<&str> = checked
        .violations
        .iter()
        .map(|one| one.description.as_str())
        .collect();
    assert_eq!(
        told,
        [
            "properties.order_id is required",
            "properties.total must be number",
            "properties.products.0.price must be number"
        ]
    );
}
