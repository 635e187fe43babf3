//! Key-value store of texts in the browser's IndexedDB.

use js_sys::{Array, Function, Promise, Reflect};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

use llamaglass_web::error_message;

const DATABASE: &str = "llamaglass";
const STORE: &str = "lab-runs";
const VERSION: u32 = 1;

#[wasm_bindgen]
extern "C" {
    type Factory;
    #[wasm_bindgen(method, catch)]
    fn open(this: &Factory, name: &str, version: u32) -> Result<Asked, JsValue>;

    /// An `IDBRequest`, whose result arrives later.
    type Asked;
    #[wasm_bindgen(method, getter, catch)]
    fn result(this: &Asked) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method, getter, catch)]
    fn error(this: &Asked) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method, setter)]
    fn set_onsuccess(this: &Asked, to: &Function);
    #[wasm_bindgen(method, setter)]
    fn set_onerror(this: &Asked, to: &Function);
    #[wasm_bindgen(method, setter)]
    fn set_onblocked(this: &Asked, to: &Function);
    #[wasm_bindgen(method, setter)]
    fn set_onupgradeneeded(this: &Asked, to: &Function);

    type Database;
    #[wasm_bindgen(method, catch, js_name = createObjectStore)]
    fn create_store(this: &Database, name: &str) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method, catch)]
    fn transaction(this: &Database, name: &str, mode: &str) -> Result<Transaction, JsValue>;

    type Transaction;
    #[wasm_bindgen(method, catch, js_name = objectStore)]
    fn store(this: &Transaction, name: &str) -> Result<Store, JsValue>;
    #[wasm_bindgen(method, getter, catch)]
    fn error(this: &Transaction) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method, setter)]
    fn set_oncomplete(this: &Transaction, to: &Function);
    #[wasm_bindgen(method, setter)]
    fn set_onabort(this: &Transaction, to: &Function);

    type Store;
    #[wasm_bindgen(method, catch)]
    fn put(this: &Store, value: &str, key: &str) -> Result<Asked, JsValue>;
    #[wasm_bindgen(method, catch)]
    fn delete(this: &Store, key: &str) -> Result<Asked, JsValue>;
    #[wasm_bindgen(method, catch, js_name = getAll)]
    fn all(this: &Store) -> Result<Asked, JsValue>;
    #[wasm_bindgen(method, catch, js_name = getAllKeys)]
    fn keys(this: &Store) -> Result<Asked, JsValue>;
}

/// The page's store of texts.
pub struct Texts(Database);

impl Texts {
    /// Opens the store.
    ///
    /// # Errors
    /// Returns the reason if the browser stores nothing for this page.
    pub async fn open() -> Result<Self, String> {
        let factory = Reflect::get(&js_sys::global(), &"indexedDB".into());
        let factory = factory.map_err(|error| error_message(&error))?;
        if factory.is_undefined() || factory.is_null() {
            return Err("this browser has no IndexedDB".into());
        }
        let factory: Factory = factory.unchecked_into();
        let opened = factory.open(DATABASE, VERSION);
        let opened = opened.map_err(|error| error_message(&error))?;
        let database = opened.clone().unchecked_into::<Asked>();
        let create = Closure::once_into_js(move || {
            if let Ok(database) = database.result() {
                // An error is ignored here: without the store, every transaction fails and reports that.
                drop(database.unchecked_into::<Database>().create_store(STORE));
            }
        });
        opened.set_onupgradeneeded(create.unchecked_ref());
        Ok(Self(answer(&opened).await?.unchecked_into()))
    }

    async fn ask(
        &self,
        mode: &str,
        what: impl FnOnce(&Store) -> Result<Asked, JsValue>,
    ) -> Result<JsValue, String> {
        let begin = || {
            let transaction = self.0.transaction(STORE, mode)?;
            let asked = what(&transaction.store(STORE)?)?;
            Ok((transaction, asked))
        };
        let (transaction, asked) = begin().map_err(|error: JsValue| error_message(&error))?;
        committed(&transaction).await?;
        asked.result().map_err(|error| error_message(&error))
    }

    /// Stores `text` under `key`.
    ///
    /// # Errors
    /// Returns the browser's reason.
    pub async fn put(&self, key: &str, text: &str) -> Result<(), String> {
        self.ask("readwrite", |store| store.put(text, key))
            .await
            .map(drop)
    }

    /// Deletes `key` and its text.
    ///
    /// # Errors
    /// Returns the browser's reason.
    pub async fn delete(&self, key: &str) -> Result<(), String> {
        self.ask("readwrite", |store| store.delete(key))
            .await
            .map(drop)
    }

    /// Returns all keys with their texts, sorted by key.
    ///
    /// # Errors
    /// Returns the browser's reason.
    pub async fn all(&self) -> Result<Vec<(String, String)>, String> {
        let keys = self.ask("readonly", Store::keys).await?;
        let texts = self.ask("readonly", Store::all).await?;
        let (keys, texts) = (Array::from(&keys), Array::from(&texts));
        let pairs = keys.iter().zip(texts.iter());
        let pairs = pairs.filter_map(|(key, text)| Some((key.as_string()?, text.as_string()?)));
        Ok(pairs.collect())
    }
}

/// Waits until a transaction is committed. A request that succeeded is not stored yet: if the disk is full, the
/// browser still aborts the whole transaction.
async fn committed(transaction: &Transaction) -> Result<(), String> {
    let mut start = |resolve: Function, reject: Function| {
        transaction.set_oncomplete(&resolve);
        transaction.set_onabort(&reject);
    };
    if JsFuture::from(Promise::new(&mut start)).await.is_ok() {
        return Ok(());
    }
    let error = transaction.error().unwrap_or_default();
    Err(match error.is_null() || error.is_undefined() {
        true => "the browser took the change back".into(),
        false => error_message(&error),
    })
}

async fn answer(asked: &Asked) -> Result<JsValue, String> {
    let mut start = |resolve: Function, reject: Function| {
        asked.set_onsuccess(&resolve);
        asked.set_onerror(&reject);
        asked.set_onblocked(&reject);
    };
    match JsFuture::from(Promise::new(&mut start)).await {
        Ok(_) => asked.result().map_err(|error| error_message(&error)),
        Err(_) => {
            let error = asked.error().unwrap_or_default();
            Err(match error.is_null() || error.is_undefined() {
                true => "another tab holds it".into(),
                false => error_message(&error),
            })
        }
    }
}
