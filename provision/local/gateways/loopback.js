// Loaded before a Node program that can be given no address: it listens on the loopback address, and not on all.
const { Server } = require("node:net");

const listen = Server.prototype.listen;
Server.prototype.listen = function (first, second, ...others) {
  if (typeof first === "object" && first !== null && first.port !== undefined) {
    return listen.call(this, { ...first, host: "127.0.0.1" }, second, ...others);
  }
  const callback = typeof second === "function" ? [second] : [];
  return listen.call(this, first, "127.0.0.1", ...callback, ...others);
};
