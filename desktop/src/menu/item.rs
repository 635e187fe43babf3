//! Items of the menu, and the ids by which the system names them.

use llamaglass_session::platform::MenuAction;

/// A menu item that performs an action of ours.
#[derive(Clone, Debug, PartialEq)]
pub enum Item {
    /// Choose a model file.
    OpenFile,
    /// Choose a model folder.
    OpenFolder,
    /// Open the model at this path.
    Recent(String),
    /// Clear the recent models.
    ClearRecent,
    /// Quit the program.
    Quit,
    /// Turn full screen on or off.
    FullScreen,
    /// Edit the selection in the page.
    Edit(Edit),
    /// Perform an action of the page.
    Page(MenuAction),
}

/// Edits of the selection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edit {
    /// Undo the last change.
    Undo,
    /// Redo the last undone change.
    Redo,
    /// Move the selection to the clipboard.
    Cut,
    /// Copy the selection to the clipboard.
    Copy,
    /// Insert the contents of the clipboard.
    Paste,
    /// Select everything.
    SelectAll,
}

/// A menu item with its id, label and keyboard shortcut.
pub struct Entry {
    /// The item.
    pub item: Item,
    /// Id of the item in the system.
    id: &'static str,
    /// Label; the letter after `&` selects the item.
    pub label: &'static str,
    /// Keyboard shortcut; empty for none.
    pub keys: &'static str,
}

const fn entry(item: Item, id: &'static str, label: &'static str, keys: &'static str) -> Entry {
    Entry {
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
) -> Entry {
    entry(Item::Page(action), id, label, keys)
}

const fn edit(edit: Edit, id: &'static str, label: &'static str, keys: &'static str) -> Entry {
    entry(Item::Edit(edit), id, label, keys)
}

/// Every item except the recent models.
pub const ENTRIES: &[Entry] = &[
    entry(Item::OpenFile, "open-file", "&Open File…", "CmdOrCtrl+O"),
    entry(
        Item::OpenFolder,
        "open-folder",
        "Open &Folder…",
        "CmdOrCtrl+Shift+O",
    ),
    entry(Item::ClearRecent, "forget-recent", "&Clear", ""),
    entry(Item::Quit, "quit", "&Quit", "CmdOrCtrl+Q"),
    entry(Item::FullScreen, "full-screen", "&Full Screen", "F11"),
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

/// Prefix of a recent model's id, followed by the path.
const RECENT: &str = "recent:";

impl Item {
    /// Returns the item's id in the system.
    pub fn id(&self) -> String {
        match self {
            Self::Recent(path) => format!("{RECENT}{path}"),
            other => other
                .entry()
                .map_or_else(String::new, |entry| entry.id.to_owned()),
        }
    }

    /// Returns the item with an id, or `None` for an item that the system handles itself.
    pub fn of(id: &str) -> Option<Self> {
        if let Some(path) = id.strip_prefix(RECENT) {
            return Some(Self::Recent(path.to_owned()));
        }
        let entry = ENTRIES.iter().find(|entry| entry.id == id)?;
        Some(entry.item.clone())
    }

    /// Returns the item's entry, or `None` for a recent model, which is shown by its name.
    pub fn entry(&self) -> Option<&'static Entry> {
        ENTRIES.iter().find(|entry| entry.item == *self)
    }
}

impl Edit {
    /// Returns WebKit's name of the command.
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
    fn ids_identify_their_items() {
        for entry in ENTRIES {
            assert_eq!(
                Item::of(&entry.item.id()).as_ref(),
                Some(&entry.item),
                "{}",
                entry.id
            );
        }
        let recent = Item::Recent("/models/a:b c.gguf".into());
        assert_eq!(Item::of(&recent.id()), Some(recent));
        assert_eq!(Item::of("nonsense"), None);
    }

    #[test]
    fn ids_and_shortcuts_are_unique() {
        let names: HashSet<&str> = ENTRIES.iter().map(|entry| entry.id).collect();
        assert_eq!(names.len(), ENTRIES.len());
        let keys = ENTRIES
            .iter()
            .map(|entry| entry.keys)
            .filter(|keys| !keys.is_empty());
        let (all, different) = (keys.clone().count(), keys.collect::<HashSet<_>>().len());
        assert_eq!(all, different);
    }
}
