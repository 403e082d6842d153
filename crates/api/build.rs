//! Compresses the committed specification into the program.

use std::error::Error;
use std::io::Write;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;

#[expect(clippy::disallowed_methods, reason = "cargo tells a build script by the environment where to write")]
fn main() -> Result<(), Box<dyn Error>> {
    let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi.json");
    println!("cargo::rerun-if-changed={}", committed.display());
    let mut packed = GzEncoder::new(Vec::new(), Compression::best());
    packed.write_all(&std::fs::read(committed)?)?;
    let folder = std::env::var_os("OUT_DIR").ok_or("cargo names a folder")?;
    std::fs::write(Path::new(&folder).join("openapi.json.gz"), packed.finish()?)?;
    Ok(())
}
