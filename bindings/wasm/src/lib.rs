//! The engine for JavaScript. Conversions only: what a call, an input or an effect means is the engine's to say.
//!
//! One function crosses the border, with numbers and one text in and one text out, since each signature that
//! wasm-bindgen carries over costs bytes on both sides. `js/glue.js` makes the class `Engine` of it; its types,
//! `js/glue.d.ts`, say what each method means. An instance holds any number of engines, which
//! stay until it goes.
//!
//! ```text
//!   Engine.call(…) ─► run(CALL, wall, mono, …, json) ─► engine ─► "q<messageId>"
//!   Engine.poll()  ─► run(POLL, …)                   ─► the next effect, as numbers and texts
//! ```

mod call;
mod config;
mod effect;
#[cfg(feature = "full")]
mod full;
mod input;
mod read;

use core::cell::RefCell;

use headwater_engine::{Engine, Now};
use headwater_model::event::Event;
use headwater_model::json::write_u64;
use headwater_model::time::Millis;
use wasm_bindgen::prelude::wasm_bindgen;

#[cfg(target_arch = "wasm32")]
#[global_allocator]
static HEAP: headwater_wasm_heap::Heap<headwater_wasm_heap::Memory> =
    headwater_wasm_heap::Heap::new();

/// Whether this build has what most pages do without (see `Cargo.toml`).
const FULL: bool = cfg!(feature = "full");

thread_local! {
    static ENGINES: RefCell<Vec<Engine>> = const { RefCell::new(Vec::new()) };
}

/// Does one thing with one engine, which is named by its number, and answers in text; `op` says what. Below 32 it is an
/// input of that kind (see `input`), from there on an operation of the glue's. What cannot be read does nothing and
/// answers nothing.
#[wasm_bindgen]
#[must_use]
pub fn run(
    engine: usize,
    op: u32,
    wall: f64,
    mono: f64,
    a: f64,
    b: f64,
    text: Option<String>,
) -> Vec<u8> {
    let now = Now {
        wall: Millis(millis(wall)),
        mono: int(mono),
    };
    ENGINES.with_borrow_mut(|engines| match engines.get_mut(engine) {
        Some(engine) => operate(engine, op, now, a, b, text),
        None => match config::start(text.as_deref().unwrap_or_default(), now) {
            Ok(started) => {
                engines.push(started);
                number(engines.len() as u64 - 1)
            }
            Err(member) => member.into(),
        },
    })
}

fn operate(
    engine: &mut Engine,
    op: u32,
    now: Now,
    a: f64,
    b: f64,
    text: Option<String>,
) -> Vec<u8> {
    let given = text.as_deref().unwrap_or_default();
    match op {
        32 => call::call(engine, now, given),
        33 if FULL => call::stamp(engine, now, given),
        34 if FULL => call::submit(engine, now, given),
        35 if FULL => {
            if let Some((plugin, event)) = read::pair(given)
                && let Ok(event) = Event::parse(event.as_bytes())
            {
                engine.discard(&event, plugin);
            }
            Vec::new()
        }
        36 => number(engine.reserve(int(a)).0),
        37 => effect::next(engine),
        38 => engine.next_deadline().map_or_else(Vec::new, number),
        39 => engine.identity().to_json(),
        #[cfg(feature = "full")]
        40 => full::hold(engine, now, given).unwrap_or_default(),
        _ => {
            input::handle(engine, now, (op, a, b), text);
            Vec::new()
        }
    }
}

fn number(number: u64) -> Vec<u8> {
    let mut text = Vec::new();
    write_u64(&mut text, number);
    text
}

/// JavaScript's numbers are doubles; what is out of range stops at its ends.
#[inline(never)]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the cast saturates"
)]
fn int(number: f64) -> u64 {
    number as u64
}

#[inline(never)]
#[expect(clippy::cast_possible_truncation, reason = "the cast saturates")]
fn millis(number: f64) -> i64 {
    number as i64
}
