// The service worker keeps the page for when there is no network, and isolates it, which threads need and static hosts do not ask for.
// A first visit is loaded once more under it. Nothing begins before: `isolated` is waited for.
"use strict";
window.isolated = new Promise((resolve) => {
  const there = "serviceWorker" in navigator && window.isSecureContext;
  const registered = there ? navigator.serviceWorker.register("sw.js") : Promise.reject();
  if (!there || window.crossOriginIsolated || sessionStorage.getItem("isolated")) {
    registered.catch(() => {});
    resolve(); // it is, or will not be
    return;
  }
  let begun = false;
  const begin = () => {
    begun = true;
    resolve();
  };
  const again = () => {
    if (begun) return;
    sessionStorage.setItem("isolated", "1");
    window.location.reload();
  };
  setTimeout(begin, 5000); // a slow host: without threads, then, until the next visit
  registered.then(() => {
    if (navigator.serviceWorker.controller) again();
    else navigator.serviceWorker.addEventListener("controllerchange", again, { once: true });
  }, begin);
});
