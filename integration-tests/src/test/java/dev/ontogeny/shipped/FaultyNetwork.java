package dev.ontogeny.shipped;

import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.ByteArrayOutputStream;
import java.io.Closeable;
import java.io.EOFException;
import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.EnumMap;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Stands between clients and an HTTP server of this machine, and spoils a share of the requests in
 * ways that a seed chooses: refuses them as a store does that is busy or broken, drops connections
 * before the server hears of a request or after it has answered, cuts answers off, and lets them
 * wait. How often it did what is counted, and the bytes that clients asked for.
 */
final class FaultyNetwork implements Closeable {
  /** What becomes of a request. */
  enum Fault {
    /** 503, with S3's {@code SlowDown}. */
    SLOW_DOWN,
    /** 500, with S3's {@code InternalError}. */
    INTERNAL_ERROR,
    /** The connection ends before the server hears of the request. */
    LOST_REQUEST,
    /** The server does as it was told, and the connection ends before it can say so. */
    LOST_ANSWER,
    /** Half of the answer comes. */
    HALF_AN_ANSWER,
    /** The answer comes, half a second late. */
    LATE
  }

  private static final int LONGEST_HEAD = 1 << 16;

  private final int target;
  private final double share;
  private final Random random;
  private final ServerSocket listening;
  private final ExecutorService threads =
      Executors.newCachedThreadPool(
          task -> {
            Thread thread = new Thread(task, "faulty network");
            thread.setDaemon(true);
            return thread;
          });
  private final AtomicLong requests = new AtomicLong();
  private final AtomicLong got = new AtomicLong();
  private final Map<Fault, Integer> faults = new EnumMap<>(Fault.class);

  /**
   * Listens on a free port.
   *
   * @param target the server's port
   * @param share of the requests that are spoilt
   */
  FaultyNetwork(int target, double share, long seed) throws IOException {
    this.target = target;
    this.share = share;
    random = new Random(seed);
    listening = new ServerSocket(0, 64, InetAddress.getLoopbackAddress());
    threads.execute(this::accept);
  }

  int port() {
    return listening.getLocalPort();
  }

  long requests() {
    return requests.get();
  }

  /** Bytes that clients were given on asking for objects, or for what there is of them. */
  long bytesGot() {
    return got.get();
  }

  /** How often each fault was made. */
  Map<Fault, Integer> faults() {
    synchronized (faults) {
      return new EnumMap<>(faults);
    }
  }

  private void accept() {
    while (!listening.isClosed()) {
      try {
        Socket client = listening.accept();
        threads.execute(() -> serve(client));
      } catch (IOException closed) {
        return;
      }
    }
  }

  /** Null for a request that is left alone. */
  private Fault next() {
    requests.incrementAndGet();
    synchronized (faults) {
      if (random.nextDouble() >= share) {
        return null;
      }
      Fault fault = Fault.values()[random.nextInt(Fault.values().length)];
      faults.merge(fault, 1, Integer::sum);
      return fault;
    }
  }

  private void serve(Socket client) {
    try (client;
        Socket server = new Socket(InetAddress.getLoopbackAddress(), target)) {
      InputStream fromClient = new BufferedInputStream(client.getInputStream());
      OutputStream toClient = new BufferedOutputStream(client.getOutputStream());
      InputStream fromServer = new BufferedInputStream(server.getInputStream());
      OutputStream toServer = new BufferedOutputStream(server.getOutputStream());
      for (Head request = Head.read(fromClient); request != null; request = Head.read(fromClient)) {
        if (!exchange(request, client, fromClient, toClient, fromServer, toServer)) {
          return;
        }
      }
    } catch (IOException over) {
      // One of the two has ended the connection.
    }
  }

  /** Whether the connection goes on. */
  private boolean exchange(
      Head request,
      Socket client,
      InputStream fromClient,
      OutputStream toClient,
      InputStream fromServer,
      OutputStream toServer)
      throws IOException {
    Fault fault = next();
    if (fault == Fault.LOST_REQUEST) {
      return reset(client);
    }
    if (request.value("expect") != null) {
      toClient.write("HTTP/1.1 100 Continue\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
      toClient.flush();
    }
    if (fault == Fault.SLOW_DOWN || fault == Fault.INTERNAL_ERROR) {
      request.copyBody(fromClient, OutputStream.nullOutputStream(), Long.MAX_VALUE);
      toClient.write(refusal(fault, request.isHead()));
      toClient.flush();
      return true;
    }
    toServer.write(request.without("expect"));
    request.copyBody(fromClient, toServer, Long.MAX_VALUE);
    toServer.flush();
    Head answer = Head.read(fromServer);
    if (answer == null) {
      return false;
    }
    if (fault == Fault.LOST_ANSWER) {
      return reset(client);
    }
    if (fault == Fault.LATE) {
      sleep();
    }
    toClient.write(answer.text());
    if (!request.isHead() && answer.mayHaveBody()) {
      long length = answer.length();
      answer.copyBody(
          fromServer,
          request.isGet() ? counted(toClient) : toClient,
          fault == Fault.HALF_AN_ANSWER ? Math.max(0, length) / 2 : Long.MAX_VALUE);
    }
    toClient.flush();
    return fault != Fault.HALF_AN_ANSWER;
  }

  private OutputStream counted(OutputStream out) {
    return new FilterOutputStream(out) {
      @Override
      public void write(byte[] bytes, int offset, int length) throws IOException {
        out.write(bytes, offset, length);
        got.addAndGet(length);
      }
    };
  }

  private static boolean reset(Socket client) throws IOException {
    // What was not sent yet is dropped, and the other side is told that the connection broke.
    client.setSoLinger(true, 0);
    return false;
  }

  private static void sleep() {
    try {
      Thread.sleep(500);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private static byte[] refusal(Fault fault, boolean withoutBody) {
    boolean busy = fault == Fault.SLOW_DOWN;
    String body =
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>%s</Code><Message>made up</Message></Error>"
            .formatted(busy ? "SlowDown" : "InternalError");
    String head =
        "HTTP/1.1 %s\r\nContent-Type: application/xml\r\nContent-Length: %d\r\n\r\n"
            .formatted(
                busy ? "503 Slow Down" : "500 Internal Server Error",
                withoutBody ? 0 : body.length());
    return (withoutBody ? head : head + body).getBytes(StandardCharsets.US_ASCII);
  }

  @Override
  public void close() throws IOException {
    listening.close();
    threads.shutdownNow();
  }

  /**
   * The first line and the headers of a request or an answer, with the empty line that ends them.
   */
  private static final class Head {
    private final byte[] text;

    private Head(byte[] text) {
      this.text = text;
    }

    byte[] text() {
      return text;
    }

    /** Null where the connection ends. */
    static Head read(InputStream in) throws IOException {
      ByteArrayOutputStream text = new ByteArrayOutputStream();
      int ends = 0;
      for (int next = in.read(); next >= 0; next = in.read()) {
        text.write(next);
        ends = next == '\n' ? ends + 1 : next == '\r' ? ends : 0;
        if (ends == 2) {
          return new Head(text.toByteArray());
        }
        if (text.size() > LONGEST_HEAD) {
          throw new IOException("a head that does not end");
        }
      }
      return null;
    }

    private String[] lines() {
      return new String(text, StandardCharsets.ISO_8859_1).split("\r\n");
    }

    String value(String name) {
      for (String line : lines()) {
        if (line.toLowerCase(Locale.ROOT).startsWith(name + ":")) {
          return line.substring(name.length() + 1).strip();
        }
      }
      return null;
    }

    byte[] without(String name) {
      StringBuilder kept = new StringBuilder();
      for (String line : lines()) {
        if (!line.toLowerCase(Locale.ROOT).startsWith(name + ":")) {
          kept.append(line).append("\r\n");
        }
      }
      return kept.append("\r\n").toString().getBytes(StandardCharsets.ISO_8859_1);
    }

    boolean isHead() {
      return lines()[0].startsWith("HEAD ");
    }

    boolean isGet() {
      return lines()[0].startsWith("GET ");
    }

    boolean mayHaveBody() {
      return !lines()[0].matches("\\S+ (1\\d\\d|204|304)\\b.*");
    }

    /** Bytes of the body; -1 where it comes in chunks. */
    long length() {
      String length = value("content-length");
      return length != null ? Long.parseLong(length) : value("transfer-encoding") == null ? 0 : -1;
    }

    /** Copies a body, or the first bytes of one whose length is known. */
    void copyBody(InputStream in, OutputStream out, long most) throws IOException {
      long length = length();
      if (length >= 0) {
        copy(in, out, Math.min(length, most));
        return;
      }
      for (long size = chunk(in, out); size > 0; size = chunk(in, out)) {
        // Each chunk ends with an empty line, as do all.
        copy(in, out, size + 2);
      }
      copy(in, out, 2);
    }

    private static long chunk(InputStream in, OutputStream out) throws IOException {
      StringBuilder line = new StringBuilder();
      for (int next = in.read(); next != '\n'; next = in.read()) {
        if (next < 0) {
          throw new EOFException();
        }
        line.append((char) next);
      }
      out.write((line + "\n").getBytes(StandardCharsets.ISO_8859_1));
      return Long.parseLong(line.toString().strip().split(";")[0], 16);
    }

    private static void copy(InputStream in, OutputStream out, long bytes) throws IOException {
      byte[] some = new byte[1 << 14];
      for (long left = bytes; left > 0; ) {
        int read = in.read(some, 0, (int) Math.min(some.length, left));
        if (read < 0) {
          throw new EOFException();
        }
        out.write(some, 0, read);
        left -= read;
      }
    }
  }
}
