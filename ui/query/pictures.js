// Pictures to search by: chosen, dropped or pasted. Each is sent once and then known by name.
import { refusal, setOffline, toast } from "/ui/shell/kit.js";

const MOST_BYTES = 25 * 2 ** 20;

// `kept(name)` is told of each picture that the server has.
export function takePictures(element, part, kept) {
  async function take(file) {
    if (!file.type.startsWith("image/")) return toast(`${file.name} is not a picture`, "bad");
    if (file.size > MOST_BYTES) return toast("A picture has at most 25 MiB", "bad");
    try {
      const answer = await fetch("/api/query/images", {
        method: "POST",
        headers: { "content-type": "application/octet-stream" },
        body: file,
      });
      if (!answer.ok) throw await refusal(answer);
      kept((await answer.json()).image);
    } catch (error) {
      if (error.status === undefined) setOffline(true);
      toast(error.status ? error.message : "The server cannot be reached.", "bad");
    }
  }

  part("picture").addEventListener("click", () => part("file").click());
  part("file").addEventListener("change", () => {
    if (part("file").files.length) take(part("file").files[0]);
    part("file").value = "";
  });
  const isMine = () => document.documentElement.dataset.tab === "query";
  document.addEventListener("paste", (event) => {
    const file = [...(event.clipboardData?.files ?? [])].find((each) => each.type.startsWith("image/"));
    if (isMine() && file) take(file);
  });
  element.addEventListener("dragover", (event) => {
    event.preventDefault();
    part("form").classList.add("dropping");
  });
  element.addEventListener("dragleave", () => part("form").classList.remove("dropping"));
  element.addEventListener("drop", (event) => {
    event.preventDefault();
    part("form").classList.remove("dropping");
    if (event.dataTransfer.files.length) take(event.dataTransfer.files[0]);
  });
}
