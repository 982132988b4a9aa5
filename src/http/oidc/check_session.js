addEventListener("message", function (event) {
  if (!event.source || event.origin === "null") { return; }
  var answer = function (word) { event.source.postMessage(word, event.origin); };
  var asked = /^([^ ]+) ([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)$/.exec(event.data);
  var name = document.documentElement.getAttribute("data-cookie") + "=";
  var cookie = document.cookie.split("; ").filter(function (pair) { return pair.indexOf(name) === 0; })[0];
  // A cookie that this browser does not show here says nothing about the session.
  if (!asked || !cookie || !window.crypto || !crypto.subtle) { return answer("error"); }
  var text = [asked[1], event.origin, cookie.slice(name.length), asked[3]].join(" ");
  crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)).then(function (sum) {
    var hash = btoa(String.fromCharCode.apply(null, new Uint8Array(sum)));
    hash = hash.replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
    answer(hash === asked[2] ? "unchanged" : "changed");
  }, function () { answer("error"); });
});
