//! `headwater-wasm-bindgen IN.wasm OUT_DIR` writes `headwater_bg.wasm`: the module without what the compiler left in it
//! for wasm-bindgen. The JavaScript that is written beside it is not used, `js/glue.js` takes its place.

use std::error::Error;

use wasm_bindgen_cli_support::Bindgen;

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [input, out] = args.as_slice() else {
        return Err("usage: headwater-wasm-bindgen IN.wasm OUT_DIR".into());
    };
    Bindgen::new()
        .web(true)?
        .input_path(input)
        .typescript(false)
        .keep_debug(true)
        .out_name("headwater")
        .generate(out)?;
    Ok(())
}
