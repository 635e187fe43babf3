//! What can be chosen in the menu, and how each is named between us and the system.

use llamaglass_session::platform::MenuAction;

/// An item that does something of ours.
#[derive(Clone, Debug, PartialEq)]
pub enum Item {
    /// Choose a model's file.
    OpenFile,
    /// Choose a model's folder.
    OpenFolder,
    /// Open the model of this path.
    Recent(String),
    /// Forget the recent models.
    ForgetRecent,
    /// End the program.
    Quit,
    /// Let the window fill the screen, or not.
    FullScreen,
    /// Edit what is selected in the page.
    Edit(Edit),
    /// Something that the page does.
    Page(MenuAction),
}

/// What is done with what is selected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edit {
    /// Take the last change back.
    Undo,
    /// Do it again.
    Redo,
    /// Move to the clipboard.
    Cut,
    /// Copy to the clipboard.
    Copy,
    /// Put what the clipboard has there.
    Paste,
    /// Select everything.
    SelectAll,
}

/// A row of what has no parts: the item, its name for the system, what people read, and its keys.
pub struct Row {
    /// The item.
    pub item: Item,
    /// Its name for the system.
    id: &'static str,
    /// What people read; the letter behind `&` chooses it.
    pub label: &'static str,
    /// Its keys, empty for none.
    pub keys: &'static str,
}

const fn row(item: Item, id: &'static str, label: &'static str, keys: &'static str) -> Row {
    Row {
        item,
        id,
        label,
        keys,
    }
}

const fn page(
    action: MenuAction,
    id: &'static str,
    label: &'static str,
    keys: &'static str,
) -> Row {
    row(Item::Page(action), id, label, keys)
}

const fn edit(edit: Edit, id: &'static str, label: &'static str, keys: &'static str) -> Row {
    row(Item::Edit(edit), id, label, keys)
}

/// Every item but the recent models.
pub const ROWS: &[Row] = &[
    row(Item::OpenFile, "open-file", "&Open File…", "CmdOrCtrl+O"),
    row(
        Item::OpenFolder,
        "open-folder",
        "Open &Folder…",
        "CmdOrCtrl+Shift+O",
    ),
    row(Item::ForgetRecent, "forget-recent", "&Clear", ""),
    row(Item::Quit, "quit", "&Quit", "CmdOrCtrl+Q"),
    row(Item::FullScreen, "full-screen", "&Full Screen", "F11"),
    edit(Edit::Undo, "undo", "&Undo", "CmdOrCtrl+Z"),
    edit(Edit::Redo, "redo", "&Redo", "CmdOrCtrl+Shift+Z"),
    edit(Edit::Cut, "cut", "Cu&t", "CmdOrCtrl+X"),
    edit(Edit::Copy, "copy", "&Copy", "CmdOrCtrl+C"),
    edit(Edit::Paste, "paste", "&Paste", "CmdOrCtrl+V"),
    edit(Edit::SelectAll, "select-all", "Select &All", "CmdOrCtrl+A"),
    page(MenuAction::NewChat, "new-chat", "&New Chat", "CmdOrCtrl+N"),
    page(MenuAction::Stop, "stop", "&Stop", "CmdOrCtrl+."),
    page(
        MenuAction::Overlay,
        "overlay",
        "&Token Timeline",
        "CmdOrCtrl+T",
    ),
    page(MenuAction::Lab, "lab", "&Lab", "CmdOrCtrl+L"),
    page(MenuAction::Models, "models", "&Models…", "CmdOrCtrl+M"),
    page(
        MenuAction::Benchmark,
        "benchmark",
        "&Benchmark…",
        "CmdOrCtrl+B",
    ),
    page(
        MenuAction::Settings,
        "settings",
        "&Settings…",
        "CmdOrCtrl+,",
    ),
];

/// In front of a recent model's path.
const RECENT: &str = "recent:";

impl Item {
    /// Its name for the system.
    pub fn id(&self) -> String {
        match self {
            Self::Recent(path) => format!("{RECENT}{path}"),
            other => other
                .row()
                .map_or_else(String::new, |row| row.id.to_owned()),
        }
    }

    /// The item of a name; none for those that the system does by itself.
    pub fn of(id: &str) -> Option<Self> {
        if let Some(path) = id.strip_prefix(RECENT) {
            return Some(Self::Recent(path.to_owned()));
        }
        let row = ROWS.iter().find(|row| row.id == id)?;
        Some(row.item.clone())
    }

    /// How it is shown; none for a recent model, which is shown by its name.
    pub fn row(&self) -> Option<&'static Row> {
        ROWS.iter().find(|row| row.item == *self)
    }
}

impl Edit {
    /// WebKit's name for it.
    #[cfg(target_os = "linux")]
    pub const fn command(self) -> &'static str {
        match self {
            Self::Undo => "Undo",
            Self::Redo => "Redo",
            Self::Cut => "Cut",
            Self::Copy => "Copy",
            Self::Paste => "Paste",
            Self::SelectAll => "SelectAll",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_say_which_item_is_meant() {
        for row in ROWS {
            assert_eq!(
                Item::of(&row.item.id()).as_ref(),
                Some(&row.item),
                "{}",
                row.id
            );
        }
        let recent = Item::Recent("/models/a:b c.gguf".into());
        assert_eq!(Item::of(&recent.id()), Some(recent));
        assert_eq!(Item::of("nonsense"), None);
    }

    #[test]
    fn no_two_items_have_one_name_or_one_key() {
        let names: HashSet<&str> = ROWS.iter().map(|row| row.id).collect();
        assert_eq!(names.len(), ROWS.len());
        let keys = ROWS
            .iter()
            .map(|row| row.keys)
            .filter(|keys| !keys.is_empty());
        let (all, different) = (keys.clone().count(), keys.collect::<HashSet<_>>().len());
        assert_eq!(all, different);
    }
}
