// The service worker keeps the page for when there is no network, and isolates it, which threads need and static hosts do not ask for.
// A first visit is loaded once more under it, before anything has begun.
"use strict";
if ("serviceWorker" in navigator && window.isSecureContext) {
  const again = () => {
    if (!window.crossOriginIsolated && !sessionStorage.getItem("isolated")) {
      sessionStorage.setItem("isolated", "1");
      window.location.reload();
    }
  };
  navigator.serviceWorker.register("sw.js").then(() => {
    if (navigator.serviceWorker.controller) again();
    else navigator.serviceWorker.addEventListener("controllerchange", again, { once: true });
  }, () => {});
}
