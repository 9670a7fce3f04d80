//! `headwater-wasm-bindgen IN.wasm OUT_DIR [web|bundler]` writes `headwater_bg.wasm` and the JavaScript round it.

use std::error::Error;

use wasm_bindgen_cli_support::Bindgen;

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [input, out, target] = args.as_slice() else {
        return Err("usage: headwater-wasm-bindgen IN.wasm OUT_DIR web|bundler".into());
    };
    let mut bindgen = Bindgen::new();
    match target.as_str() {
        "web" => bindgen.web(true)?,
        "bundler" => bindgen.bundler(true)?,
        other => return Err(format!("unknown target {other:?}: web or bundler").into()),
    };
    bindgen
        .input_path(input)
        .typescript(true)
        .keep_debug(true)
        .out_name("headwater")
        .generate(out)?;
    Ok(())
}
