addEventListener("message", function (event) {
  if (!event.source || event.origin === "null") { return; }
  var asked = /^([^ ]+) ([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)$/.exec(event.data);
  var name = document.documentElement.getAttribute("data-cookie") + "=";
  var cookie = document.cookie.split("; ").filter(function (pair) { return pair.indexOf(name) === 0; })[0];
  var word = "error";
  // A cookie that this browser does not show here says nothing about the session.
  if (asked && cookie) {
    var hash = btoa(sha256([asked[1], event.origin, cookie.slice(name.length), asked[3]].join(" ")));
    hash = hash.replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
    word = hash === asked[2] ? "unchanged" : "changed";
  }
  event.source.postMessage(word, event.origin);
});

// SHA-256 (FIPS 180-4), since crypto.subtle is not everywhere where this page is framed.
function sha256(text) {
  var round = [], state = [], word = [], bytes = unescape(encodeURIComponent(text)), length = bytes.length;
  var bits = function (root) { return (root - Math.floor(root)) * 4294967296 | 0; };
  var turn = function (value, by) { return value >>> by | value << 32 - by; };
  var isPrime = function (n) { for (var d = 2; d * d <= n; d += 1) { if (n % d === 0) { return false; } } return true; };
  for (var n = 2; round.length < 64; n += 1) {
    if (isPrime(n)) {
      if (state.length < 8) { state.push(bits(Math.sqrt(n))); }
      round.push(bits(Math.pow(n, 1 / 3)));
    }
  }
  var blocks = (length + 8 >> 6) + 1;
  for (var i = 0; i < blocks * 16; i += 1) { word[i] = 0; }
  for (i = 0; i < length; i += 1) { word[i >> 2] |= bytes.charCodeAt(i) << 24 - i % 4 * 8; }
  word[length >> 2] |= 128 << 24 - length % 4 * 8;
  word[blocks * 16 - 1] = length * 8;
  for (var block = 0; block < blocks; block += 1) {
    var w = word.slice(block * 16, block * 16 + 16), s = state.slice();
    for (i = 0; i < 64; i += 1) {
      if (i >= 16) {
        var a = w[i - 15], b = w[i - 2];
        w[i] = w[i - 16] + w[i - 7] + (turn(a, 7) ^ turn(a, 18) ^ a >>> 3) + (turn(b, 17) ^ turn(b, 19) ^ b >>> 10) | 0;
      }
      var first = s[7] + (turn(s[4], 6) ^ turn(s[4], 11) ^ turn(s[4], 25)) + (s[4] & s[5] ^ ~s[4] & s[6]) + round[i] + w[i] | 0;
      var second = (turn(s[0], 2) ^ turn(s[0], 13) ^ turn(s[0], 22)) + (s[0] & s[1] ^ s[0] & s[2] ^ s[1] & s[2]) | 0;
      s = [first + second | 0, s[0], s[1], s[2], s[3] + first | 0, s[4], s[5], s[6]];
    }
    state = state.map(function (value, at) { return value + s[at] | 0; });
  }
  var sum = "";
  for (i = 0; i < 32; i += 1) { sum += String.fromCharCode(state[i >> 2] >>> 24 - i % 4 * 8 & 255); }
  return sum;
}
