//! UniFFI's generator at the version that `headwater-ffi` links: `uniffi-bindgen generate --library LIB --language swift`.

fn main() {
    uniffi::uniffi_bindgen_main();
}
