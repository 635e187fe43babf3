//! The native menu.

mod item;

use std::path::Path;

use llamaglass_session::platform::{MenuAction, RecentModel};
use tauri::menu::{
    AboutMetadata, Menu, MenuItem, MenuItemBuilder, PredefinedMenuItem, Submenu, SubmenuBuilder,
};
use tauri::{AppHandle, Manager, Wry};

pub use item::{Edit, Item};

use crate::error::ShellError;

type Result<T> = std::result::Result<T, ShellError>;

/// Submenu of recent models, which changes.
struct RecentMenu(Submenu<Wry>);

/// Creates the menu, with the `recent` models in it.
pub fn make(app: &AppHandle, recent: &[RecentModel]) -> Result<Menu<Wry>> {
    let recent_menu = SubmenuBuilder::new(app, "Open &Recent").build()?;
    app.manage(RecentMenu(recent_menu.clone()));
    show_recent(app, recent)?;

    let menu = Menu::new(app)?;
    if cfg!(target_os = "macos") {
        menu.append(&program(app)?)?;
    }
    let mut file = SubmenuBuilder::new(app, "&File")
        .item(&item(app, &Item::OpenFile)?)
        .item(&item(app, &Item::OpenFolder)?)
        .item(&recent_menu)
        .separator();
    file = match cfg!(target_os = "macos") {
        true => file.close_window(),
        false => file.item(&item(app, &Item::Quit)?),
    };
    menu.append(&file.build()?)?;
    menu.append(&edit(app)?)?;

    let full_screen = SubmenuBuilder::new(app, "&View")
        .item(&page(app, MenuAction::Overlay)?)
        .item(&page(app, MenuAction::Lab)?)
        .separator();
    let view = match cfg!(target_os = "macos") {
        true => full_screen.fullscreen(),
        false => full_screen.item(&item(app, &Item::FullScreen)?),
    };
    menu.append(&view.build()?)?;

    let chat = SubmenuBuilder::new(app, "&Chat")
        .item(&page(app, MenuAction::NewChat)?)
        .item(&page(app, MenuAction::Stop)?);
    menu.append(&chat.build()?)?;

    let mut model = SubmenuBuilder::new(app, "&Model")
        .item(&page(app, MenuAction::Models)?)
        .item(&page(app, MenuAction::Benchmark)?);
    if !cfg!(target_os = "macos") {
        model = model.separator().item(&page(app, MenuAction::Settings)?);
    }
    menu.append(&model.build()?)?;

    if cfg!(target_os = "macos") {
        let window = SubmenuBuilder::new(app, "Window").minimize().maximize();
        menu.append(&window.build()?)?;
    } else {
        let help = SubmenuBuilder::new(app, "&Help").item(&about(app)?);
        menu.append(&help.build()?)?;
    }
    Ok(menu)
}

/// Shows the `recent` models in the submenu. Must run on the main thread.
pub fn show_recent(app: &AppHandle, recent: &[RecentModel]) -> Result<()> {
    let menu = &app.state::<RecentMenu>().0;
    while menu.remove_at(0)?.is_some() {}
    for model in recent {
        let id = Item::Recent(model.path.clone()).id();
        // A single `&` would mark the next letter as the one that selects the item.
        let label = label(model).replace('&', "&&");
        menu.append(&MenuItemBuilder::with_id(id, label).build(app)?)?;
    }
    if !recent.is_empty() {
        menu.append(&PredefinedMenuItem::separator(app)?)?;
    }
    let clear = item(app, &Item::ClearRecent)?;
    clear.set_enabled(!recent.is_empty())?;
    menu.append(&clear)?;
    Ok(())
}

/// Returns a model's name, with its file if that differs. A full path would be wider than the window.
fn label(model: &RecentModel) -> String {
    let path = Path::new(&model.path);
    let file = path
        .file_name()
        .unwrap_or(path.as_os_str())
        .to_string_lossy();
    match file == model.name {
        true => model.name.clone(),
        false => format!("{} ({file})", model.name),
    }
}

/// Creates the menu that macOS shows under the program's name.
fn program(app: &AppHandle) -> Result<Submenu<Wry>> {
    let menu = SubmenuBuilder::new(app, "Llamaglass")
        .item(&about(app)?)
        .separator()
        .item(&page(app, MenuAction::Settings)?)
        .separator()
        .services()
        .separator()
        .hide()
        .hide_others()
        .show_all()
        .separator()
        .quit();
    Ok(menu.build()?)
}

/// Creates the edit menu from the system's own items. On Linux those would have to simulate keys, so it uses
/// ours.
fn edit(app: &AppHandle) -> Result<Submenu<Wry>> {
    let menu = SubmenuBuilder::new(app, "&Edit");
    if !cfg!(target_os = "linux") {
        let menu = menu.undo().redo().separator().cut().copy().paste();
        return Ok(menu.separator().select_all().build()?);
    }
    let ours = |edit| item(app, &Item::Edit(edit));
    let menu = menu
        .item(&ours(Edit::Undo)?)
        .item(&ours(Edit::Redo)?)
        .separator()
        .item(&ours(Edit::Cut)?)
        .item(&ours(Edit::Copy)?)
        .item(&ours(Edit::Paste)?)
        .separator()
        .item(&ours(Edit::SelectAll)?);
    Ok(menu.build()?)
}

fn about(app: &AppHandle) -> Result<PredefinedMenuItem<Wry>> {
    let package = app.package_info();
    let about = AboutMetadata {
        name: Some("Llamaglass".into()),
        version: Some(package.version.to_string()),
        comments: Some("A Llama with every millisecond on display".into()),
        // Every system shows this field; the licence's own field is behind a button or missing.
        copyright: Some(concat!("Licence: ", env!("CARGO_PKG_LICENSE")).into()),
        license: Some(env!("CARGO_PKG_LICENSE").into()),
        icon: app.default_window_icon().cloned(),
        ..AboutMetadata::default()
    };
    let label = Some("&About Llamaglass");
    Ok(PredefinedMenuItem::about(app, label, Some(about))?)
}

fn page(app: &AppHandle, action: MenuAction) -> Result<MenuItem<Wry>> {
    item(app, &Item::Page(action))
}

fn item(app: &AppHandle, item: &Item) -> Result<MenuItem<Wry>> {
    let entry = item.entry().map(|entry| (entry.label, entry.keys));
    let (label, keys) = entry.unwrap_or_default();
    let mut builder = MenuItemBuilder::with_id(item.id(), label);
    if !keys.is_empty() {
        builder = builder.accelerator(keys);
    }
    Ok(builder.build(app)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recent_model_shows_its_name_and_file() {
        let model = |name: &str| RecentModel {
            path: "/models/a.gguf".into(),
            name: name.into(),
        };
        assert_eq!(label(&model("A Model")), "A Model (a.gguf)");
        assert_eq!(label(&model("a.gguf")), "a.gguf");
    }
}
