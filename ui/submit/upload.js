// Sends one file as it is, with its progress: `fetch` cannot tell how much of a body has left.
import { signIn } from "/ui/shell/kit.js";

export function send(file, told) {
  const request = new XMLHttpRequest();
  const done = new Promise((resolve, reject) => {
    request.upload.onprogress = (event) => told(event.loaded);
    request.upload.onload = () => told(file.size);
    request.onerror = () => reject(new Error("the connection broke"));
    request.onabort = () => reject(new Error("stopped"));
    request.onload = () => {
      if (request.status === 401) signIn();
      const answer = request.response;
      if (request.status === 200) resolve(answer);
      else reject(new Error(answer?.error?.message ?? `the server answered ${request.status}`));
    };
  });
  request.open("PUT", `/api/submit/files?${new URLSearchParams({ name: file.name })}`);
  request.setRequestHeader("content-type", "application/octet-stream");
  request.responseType = "json";
  request.send(file);
  return { done, stop: () => request.abort() };
}
