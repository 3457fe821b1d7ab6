// The login page: sends name and password as JSON, says what is wrong, goes on to where one wanted to be.
const form = document.getElementById("sign-in");
const problem = document.getElementById("problem");

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = form.querySelector("button");
  problem.textContent = "";
  button.disabled = true;
  try {
    const answer = await fetch("/login", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ name: form.elements.name.value, password: form.elements.password.value }),
    });
    if (answer.ok) {
      // The server checks where `next` leads.
      location.replace(`/login${location.search}`);
      return;
    }
    const { error } = await answer.json();
    problem.textContent = error.message[0].toUpperCase() + error.message.slice(1) + ".";
    form.elements.password.select();
  } catch {
    problem.textContent = "The server cannot be reached.";
  }
  button.disabled = false;
});
