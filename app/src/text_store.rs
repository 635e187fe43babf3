//! Key-value store of texts in the browser's IndexedDB.

use js_sys::{Array, Function, Promise};
use llamaglass_web::{error_message, property};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

const DATABASE: &str = "llamaglass";
const STORE: &str = "lab-runs";
const VERSION: u32 = 1;

#[wasm_bindgen]
extern "C" {
    type Factory;
    #[wasm_bindgen(method, catch)]
    fn open(this: &Factory, name: &str, version: u32) -> Result<DbRequest, JsValue>;

    /// An `IDBRequest`, whose result arrives later.
    type DbRequest;
    #[wasm_bindgen(method, getter, catch)]
    fn result(this: &DbRequest) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method, getter, catch)]
    fn error(this: &DbRequest) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method, setter)]
    fn set_onsuccess(this: &DbRequest, to: &Function);
    #[wasm_bindgen(method, setter)]
    fn set_onerror(this: &DbRequest, to: &Function);
    #[wasm_bindgen(method, setter)]
    fn set_onblocked(this: &DbRequest, to: &Function);
    #[wasm_bindgen(method, setter)]
    fn set_onupgradeneeded(this: &DbRequest, to: &Function);

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
    fn put(this: &Store, value: &str, key: &str) -> Result<DbRequest, JsValue>;
    #[wasm_bindgen(method, catch)]
    fn delete(this: &Store, key: &str) -> Result<DbRequest, JsValue>;
    #[wasm_bindgen(method, catch, js_name = getAll)]
    fn all(this: &Store) -> Result<DbRequest, JsValue>;
    #[wasm_bindgen(method, catch, js_name = getAllKeys)]
    fn keys(this: &Store) -> Result<DbRequest, JsValue>;
}

/// The page's store of texts.
pub struct TextStore(Database);

impl TextStore {
    /// Opens the store.
    ///
    /// # Errors
    /// Returns the reason if the browser stores nothing for this page.
    pub async fn open() -> Result<Self, String> {
        let factory = property(&js_sys::global(), "indexedDB");
        let factory = factory.ok_or("this browser has no IndexedDB")?;
        let factory: Factory = factory.unchecked_into();
        let opened = factory.open(DATABASE, VERSION);
        let opened = opened.map_err(|error| error_message(&error))?;
        let database = opened.clone().unchecked_into::<DbRequest>();
        let create = Closure::once_into_js(move || {
            if let Ok(database) = database.result() {
                // An error is ignored here: without the store, every transaction fails and reports that.
                drop(database.unchecked_into::<Database>().create_store(STORE));
            }
        });
        opened.set_onupgradeneeded(create.unchecked_ref());
        Ok(Self(result_of(&opened).await?.unchecked_into()))
    }

    async fn run(
        &self,
        mode: &str,
        operation: impl FnOnce(&Store) -> Result<DbRequest, JsValue>,
    ) -> Result<JsValue, String> {
        let begin = || {
            let transaction = self.0.transaction(STORE, mode)?;
            let request = operation(&transaction.store(STORE)?)?;
            Ok((transaction, request))
        };
        let (transaction, request) = begin().map_err(|error: JsValue| error_message(&error))?;
        committed(&transaction).await?;
        request.result().map_err(|error| error_message(&error))
    }

    /// Stores `text` under `key`.
    pub async fn put(&self, key: &str, text: &str) -> Result<(), String> {
        self.run("readwrite", |store| store.put(text, key))
            .await
            .map(drop)
    }

    /// Deletes `key` and its text.
    pub async fn delete(&self, key: &str) -> Result<(), String> {
        self.run("readwrite", |store| store.delete(key))
            .await
            .map(drop)
    }

    /// Returns all keys with their texts, sorted by key.
    pub async fn all(&self) -> Result<Vec<(String, String)>, String> {
        let keys = self.run("readonly", Store::keys).await?;
        let texts = self.run("readonly", Store::all).await?;
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
        true => "the browser aborted the change".into(),
        false => error_message(&error),
    })
}

async fn result_of(request: &DbRequest) -> Result<JsValue, String> {
    let mut start = |resolve: Function, reject: Function| {
        request.set_onsuccess(&resolve);
        request.set_onerror(&reject);
        request.set_onblocked(&reject);
    };
    match JsFuture::from(Promise::new(&mut start)).await {
        Ok(_) => request.result().map_err(|error| error_message(&error)),
        Err(_) => {
            let error = request.error().unwrap_or_default();
            Err(match error.is_null() || error.is_undefined() {
                true => "another tab holds the database open".into(),
                false => error_message(&error),
            })
        }
    }
}
