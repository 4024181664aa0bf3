package dev.ontogeny.job;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.File;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.WebSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;

/**
 * A real headless Chromium with one page, driven over the DevTools protocol: what a page logs, runs
 * and saves can be asked for.
 */
public final class Browser implements AutoCloseable {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final long PATIENCE_SECONDS = 60;

  private final Process process;
  private final WebSocket socket;
  private final AtomicInteger lastId = new AtomicInteger();
  private final Map<Integer, CompletableFuture<JsonNode>> pending = new ConcurrentHashMap<>();
  private final List<String> complaints = Collections.synchronizedList(new ArrayList<>());
  private final List<String> requests = Collections.synchronizedList(new ArrayList<>());
  private final Path downloads;

  /** The browser's program, if this machine has one. */
  public static Optional<Path> program() {
    String named = System.getenv("CHROMIUM");
    Stream<Path> folders =
        Stream.of(System.getenv().getOrDefault("PATH", "").split(File.pathSeparator, -1))
            .filter(folder -> !folder.isEmpty())
            .map(Path::of);
    return named != null
        ? Optional.of(Path.of(named))
        : folders
            .flatMap(
                folder ->
                    Stream.of("chromium", "chromium-browser", "google-chrome").map(folder::resolve))
            .filter(Files::isExecutable)
            .findFirst();
  }

  /**
   * Starts it with a profile of its own.
   *
   * @param home an empty folder for the profile and what pages save
   */
  public static Browser start(Path program, Path home) throws Exception {
    Path profile = Files.createDirectories(home.resolve("profile"));
    Process process =
        new ProcessBuilder(
                program.toString(),
                "--headless=new",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--hide-scrollbars",
                "--force-color-profile=srgb",
                "--remote-debugging-port=0",
                "--user-data-dir=" + profile,
                "--window-size=1360,1000",
                "about:blank")
            .redirectErrorStream(true)
            .redirectOutput(home.resolve("chromium.log").toFile())
            .start();
    try {
      return new Browser(process, profile, Files.createDirectories(home.resolve("downloads")));
    } catch (Exception | Error failure) {
      process.destroyForcibly();
      throw failure;
    }
  }

  private Browser(Process process, Path profile, Path downloads) throws Exception {
    this.process = process;
    this.downloads = downloads;
    Path port = profile.resolve("DevToolsActivePort");
    await(() -> Files.exists(port) && Files.readAllLines(port).size() >= 2, "no DevTools port");
    List<String> lines = Files.readAllLines(port);
    HttpClient client = HttpClient.newHttpClient();
    JsonNode targets =
        JSON.readTree(
            client
                .send(
                    HttpRequest.newBuilder(
                            URI.create("http://127.0.0.1:" + lines.get(0) + "/json/list"))
                        .build(),
                    HttpResponse.BodyHandlers.ofString())
                .body());
    String page = null;
    for (JsonNode target : targets) {
      if (target.path("type").asText().equals("page")) {
        page = target.path("webSocketDebuggerUrl").asText();
      }
    }
    socket = client.newWebSocketBuilder().buildAsync(URI.create(page), new Listener()).join();
    send("Runtime.enable", Map.of());
    send("Page.enable", Map.of());
    send("Log.enable", Map.of());
    send("Network.enable", Map.of());
    send(
        "Browser.setDownloadBehavior",
        Map.of("behavior", "allow", "downloadPath", downloads.toString()));
  }

  /** Opens a page of a report and waits until its view is drawn. */
  public void open(Path report, String address) throws Exception {
    send("Page.navigate", Map.of("url", "about:blank"));
    String page = report.resolve("index.html").toUri().toString();
    send("Page.navigate", Map.of("url", page + address));
    // On a busy machine the page before may still be there, drawn.
    await(() -> text("document.URL").split("#", 2)[0].equals(page), page + " was not gone to");
    awaitDrawn();
  }

  /** Goes to another address of the page that is open. */
  public void go(String address) throws Exception {
    String before = text("document.querySelector('main').dataset.drawn");
    evaluate("location.hash = " + JSON.writeValueAsString(address));
    await(
        () -> !before.equals(text("document.querySelector('main').dataset.drawn")),
        address + " was not drawn");
    awaitDrawn();
  }

  /** Waits until the view and all its figures are drawn. */
  public void awaitDrawn() throws Exception {
    await(
        () ->
            evaluate(
                    """
                    Boolean(window.ontogeny && document.querySelector('main[data-drawn]')
                      && [...document.querySelectorAll('.plot')].every((plot) => plot.querySelector('svg')))
                    """)
                .asBoolean(),
        "the page was not drawn");
  }

  /** The value of an expression, promises resolved. */
  public JsonNode evaluate(String expression) throws Exception {
    JsonNode answer =
        send(
            "Runtime.evaluate",
            Map.of("expression", expression, "awaitPromise", true, "returnByValue", true));
    if (answer.has("exceptionDetails")) {
      throw new IllegalStateException(
          expression + ": " + answer.path("exceptionDetails").toString());
    }
    return answer.path("result").path("value");
  }

  public String text(String expression) throws Exception {
    return evaluate(expression).asText();
  }

  /** Sends keys to what has the focus. */
  public void press(String key) throws Exception {
    String text = key.equals("Enter") ? "\r" : key.length() == 1 ? key : "";
    send("Input.dispatchKeyEvent", Map.of("type", "keyDown", "key", key, "text", text));
    send("Input.dispatchKeyEvent", Map.of("type", "keyUp", "key", key));
  }

  /** Takes dark or light as the reader's preference. */
  public void prefer(String scheme) throws Exception {
    send(
        "Emulation.setEmulatedMedia",
        Map.of("features", List.of(Map.of("name", "prefers-color-scheme", "value", scheme))));
  }

  /** What a page saves under a name, once it is there. */
  public Path saved(String name) throws Exception {
    Path file = downloads.resolve(name);
    await(() -> Files.exists(file) && Files.size(file) > 0, name + " was not saved");
    return file;
  }

  /** A picture of the whole page. */
  public byte[] screenshot() throws Exception {
    return Base64.getDecoder()
        .decode(
            send("Page.captureScreenshot", Map.of("format", "png", "captureBeyondViewport", true))
                .path("data")
                .asText());
  }

  /** Errors and warnings of the console, refused content and failed requests, so far. */
  public List<String> complaints() {
    return List.copyOf(complaints);
  }

  /** For tests that provoke complaints. */
  public void forgetComplaints() {
    complaints.clear();
  }

  /** Every address that was asked for, so far. */
  public List<String> requests() {
    return List.copyOf(requests);
  }

  /** Any command of the protocol. */
  public JsonNode send(String method, Map<String, Object> parameters) throws Exception {
    int id = lastId.incrementAndGet();
    CompletableFuture<JsonNode> answer = new CompletableFuture<>();
    pending.put(id, answer);
    ObjectNode message = JSON.createObjectNode();
    message.put("id", id);
    message.put("method", method);
    message.set("params", JSON.valueToTree(parameters));
    socket.sendText(JSON.writeValueAsString(message), true).join();
    JsonNode received = answer.get(PATIENCE_SECONDS, TimeUnit.SECONDS);
    if (received.has("error")) {
      throw new IllegalStateException(method + ": " + received.path("error"));
    }
    return received.path("result");
  }

  /** A condition that may throw. */
  public interface Condition {
    boolean holds() throws Exception;
  }

  public static void await(Condition condition, String otherwise) throws Exception {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_SECONDS);
    while (!condition.holds()) {
      if (System.nanoTime() > deadline) {
        throw new IllegalStateException(otherwise);
      }
      Thread.sleep(20);
    }
  }

  @Override
  public void close() {
    process.descendants().forEach(ProcessHandle::destroy);
    process.destroy();
    process.onExit().completeOnTimeout(process, 10, TimeUnit.SECONDS).join();
    process.destroyForcibly();
  }

  private final class Listener implements WebSocket.Listener {
    private final StringBuilder partial = new StringBuilder();

    @Override
    public CompletionStage<?> onText(WebSocket from, CharSequence data, boolean last) {
      partial.append(data);
      if (last) {
        String message = partial.toString();
        partial.setLength(0);
        try {
          receive(JSON.readTree(message));
        } catch (IOException e) {
          complaints.add(e.toString());
        }
      }
      from.request(1);
      return null;
    }

    private void receive(JsonNode message) {
      CompletableFuture<JsonNode> waiting =
          message.has("id") ? pending.remove(message.path("id").asInt()) : null;
      if (waiting != null) {
        waiting.complete(message);
        return;
      }
      JsonNode parameters = message.path("params");
      switch (message.path("method").asText()) {
        case "Runtime.exceptionThrown":
          complaints.add(parameters.path("exceptionDetails").toString());
          break;
        case "Runtime.consoleAPICalled":
          complaints.add(parameters.path("type").asText() + ": " + parameters.path("args"));
          break;
        case "Log.entryAdded":
          complaints.add(parameters.path("entry").toString());
          break;
        case "Network.requestWillBeSent":
          requests.add(parameters.path("request").path("url").asText());
          break;
        case "Network.loadingFailed":
          complaints.add(parameters.toString());
          break;
        default:
          break;
      }
    }
  }
}
