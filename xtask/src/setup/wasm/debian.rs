//! Builds the wasm32 standard library from Debian's packages, which contain the compiler, the library's source
//! and all its dependencies, but not the library itself.

use super::{Command, Context, Path, PathBuf, Project, Result, TARGET, Toolchain, WEB};
use super::{apt, bail, command, ensure_folder, fs, has_library};

/// Debian's own compiler, by its full path because a toolchain of rustup's may come first on `PATH`.
const RUSTC: &str = "/usr/bin/rustc";
const CARGO: &str = "/usr/bin/cargo";

const PACKAGES: [&str; 5] = [
    "rustc-web",
    "cargo-web",
    "rust-web-src",
    "rust-web-llvm",
    "rust-web-clippy",
];

/// Crate that is built only to have the library built; its own output is not used.
const CARRIER: &str = "carrier";

/// Returns true if the library is completely installed and matches the compiler. The stamp is written last and
/// names the compiler, so that an interrupted installation or a newer compiler is noticed.
pub fn is_complete(project: &Project) -> bool {
    let Ok(compiler) = compiler_version() else {
        return false;
    };
    if fs::read_to_string(stamp(project)).is_ok_and(|text| text == compiler) {
        return true;
    }
    // The library may have been installed by hand. It is complete if a program links with it.
    links(project).is_ok() && fs::write(stamp(project), compiler).is_ok()
}

/// Installs the packages, builds the library, copies it to where the compiler looks for it, and links the
/// compiler into rustup as a toolchain.
pub fn install(project: &Project) -> Result<()> {
    let what = "the wasm32 standard library";
    apt::ensure(&PACKAGES, what)?;
    apt::ensure(&[linker_package()?.as_str()], what)?;
    let _ = fs::remove_file(stamp(project));
    let built = build(project)?;
    copy(&built, &sysroot_libraries()?)?;
    command::run(Command::new("rustup").args(["toolchain", "link", WEB, "/usr"]))?;
    // Cargo does not notice that the library has changed, so what it built with the old one is removed.
    let stale = project.target.join(TARGET);
    if stale.exists() {
        println!(
            "Removing {}, which was built with the previous library",
            project.show(&stale)
        );
        fs::remove_dir_all(&stale)
            .with_context(|| format!("could not remove {}", stale.display()))?;
    }
    links(project).context("the library was installed, but a program does not link with it")?;
    fs::write(stamp(project), compiler_version()?).context("could not write the set-up's stamp")
}

fn stamp(project: &Project) -> PathBuf {
    project.cache.join("wasm-std.stamp")
}

fn compiler_version() -> Result<String> {
    command::output(Command::new(RUSTC).arg("-vV"))
}

/// Returns the package of the linker for Debian's compiler, which is named by the target of its link.
fn linker_package() -> Result<String> {
    let target =
        fs::read_link("/usr/bin/rust-lld").context("rust-web-llvm brought no /usr/bin/rust-lld")?;
    let name = target.file_name().and_then(|name| name.to_str());
    Ok(name.context("/usr/bin/rust-lld points nowhere")?.to_owned())
}

/// Builds the library and returns the folder of its `.rlib` files.
fn build(project: &Project) -> Result<PathBuf> {
    let home = project.cache.join("wasm-std");
    let target = home.join("target");
    // Files that an earlier compiler built must not be copied, too.
    let _ = fs::remove_dir_all(&target);
    ensure_folder(&home.join("src"))?;
    fs::write(
        home.join("Cargo.toml"),
        format!(
            "[package]\nname = \"{CARRIER}\"\nversion = \"0.0.0\"\nedition = \"2021\"\n[workspace]\n"
        ),
    )?;
    fs::write(home.join("src/main.rs"), "fn main() {}\n")?;
    let mut build = Command::new(CARGO);
    build
        .args([
            "build",
            "--release",
            "--target",
            TARGET,
            "-Zbuild-std=std,panic_abort",
        ])
        .current_dir(&home)
        .env("CARGO_TARGET_DIR", &target)
        // Without its bitcode, the page's link-time optimisation would refuse the library.
        .env("RUSTFLAGS", "-Cembed-bitcode=yes")
        .env("RUSTC_BOOTSTRAP", "1")
        .env("RUSTC", RUSTC);
    let outcome = command::run(&mut build);
    let built = target.join(TARGET).join("release/deps");
    // The carrier itself may fail to link, but the library is complete nevertheless.
    match outcome {
        Err(error)
            if !["std", "core", "alloc", "panic_abort"]
                .iter()
                .all(|name| has_library(&built, name)) =>
        {
            bail!("{error}\nDebian's compiler could not build the standard library")
        }
        Err(error) => println!("{error} (the library itself was built)"),
        Ok(()) => {}
    }
    Ok(built)
}

fn sysroot_libraries() -> Result<PathBuf> {
    let sysroot = command::output(Command::new(RUSTC).args(["--print", "sysroot"]))?;
    Ok(Path::new(sysroot.trim())
        .join("lib/rustlib")
        .join(TARGET)
        .join("lib"))
}

/// Replaces the libraries in `to` with those in `from`.
fn copy(from: &Path, to: &Path) -> Result<()> {
    println!("Copying the library to {}", to.display());
    ensure_folder(to)?;
    for old in libraries(to)? {
        fs::remove_file(&old).with_context(|| format!("could not remove {}", old.display()))?;
    }
    for library in libraries(from)? {
        let name = library.file_name().context("a library without a name")?;
        fs::copy(&library, to.join(name))
            .with_context(|| format!("could not copy {}", library.display()))?;
    }
    Ok(())
}

/// Returns the `.rlib` files of a folder, except the carrier's own.
fn libraries(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("could not list {}", folder.display()))?;
    let files = entries
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<Vec<_>>>()?;
    let is_library = |file: &PathBuf| {
        file.extension()
            .is_some_and(|extension| extension == "rlib")
            && !file
                .file_name()
                .is_some_and(|name| name.to_string_lossy().starts_with(&format!("lib{CARRIER}")))
    };
    Ok(files.into_iter().filter(is_library).collect())
}

/// Links a small program as the page is linked: with link-time optimisation of all crates.
fn links(project: &Project) -> Result<()> {
    let folder = project.cache.join("wasm-std/probe");
    ensure_folder(&folder)?;
    let source = folder.join("probe.rs");
    fs::write(
        &source,
        "fn main() { println!(\"{:?}\", std::env::args().collect::<Vec<_>>()); }\n",
    )?;
    let mut rustc = Toolchain::Web.command("rustc");
    rustc.args([
        "--target",
        TARGET,
        "-Copt-level=1",
        "-Clto=fat",
        "-Cpanic=abort",
        "-o",
    ]);
    command::output(rustc.arg(folder.join("probe.wasm")).arg(&source)).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copy_replaces_old_libraries_and_leaves_out_the_carrier() {
        let from = tempfile::tempdir().expect("a scratch folder");
        let to = tempfile::tempdir().expect("a scratch folder");
        for name in ["libstd-1.rlib", "libcarrier-1.rlib", "libstd-1.rmeta"] {
            fs::write(from.path().join(name), name).expect("written");
        }
        fs::write(to.path().join("libstd-0.rlib"), "old").expect("written");
        copy(from.path(), to.path()).expect("copied");
        assert_eq!(
            libraries(to.path()).expect("listed"),
            [to.path().join("libstd-1.rlib")]
        );
        assert!(has_library(to.path(), "std") && !has_library(to.path(), "core"));
    }
}
