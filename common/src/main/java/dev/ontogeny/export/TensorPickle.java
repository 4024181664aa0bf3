package dev.ontogeny.export;

import dev.ontogeny.run.Failure;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.NoSuchElementException;

/**
 * The pickle of a dictionary of tensors, as a list of what stands in it. A pickle is a program for
 * a machine with a stack; this one has numbers, texts, tuples, lists and dictionaries, and knows
 * four names: an ordered dictionary, a tensor, a parameter, a storage. Whatever else a pickle may
 * name is refused, and nothing is run.
 */
final class TensorPickle {
  private static final String TENSOR = "torch._utils _rebuild_tensor_v2";
  private static final String PARAMETER = "torch._utils _rebuild_parameter";
  private static final String ORDERED_DICT = "collections OrderedDict";
  private static final String TORCH = "torch ";

  /** A longer text names nothing of a dictionary. */
  private static final int LONGEST = 1 << 16;

  private final DataInputStream in;
  private final String origin;
  private final String convert;
  private final Deque<Object> stack = new ArrayDeque<>();
  private final Map<Integer, Object> memo = new HashMap<>();

  private TensorPickle(InputStream in, String origin, String convert) {
    this.in = new DataInputStream(in);
    this.origin = origin;
    this.convert = convert;
  }

  /**
   * Where the numbers of a tensor are.
   *
   * @param key of the file that stores them
   * @param offset of the first one in it
   * @param strides from one number to the next along each axis
   */
  record Place(NumberType type, String key, long offset, int[] shape, int[] strides) {
    /** The highest number that it reaches; -1 for none, {@code Long.MAX_VALUE} for too high. */
    long last() {
      long last = offset;
      for (int axis = 0; axis < shape.length; axis++) {
        if (shape[axis] == 0) {
          return -1;
        }
        if (last > Integer.MAX_VALUE) {
          return Long.MAX_VALUE;
        }
        last += (shape[axis] - 1L) * strides[axis];
      }
      return last;
    }

    /** Whether it is all of what is stored, in order. */
    boolean isWhole(int stored) {
      long step = 1;
      for (int axis = shape.length - 1; axis >= 0; axis--) {
        if (shape[axis] != 1 && strides[axis] != step) {
          return false;
        }
        step *= shape[axis];
      }
      return offset == 0 && step == stored;
    }
  }

  /** A name that the pickle takes from a module. */
  private record Named(String name) {}

  /** What a tensor is a view of. */
  private record Storage(NumberType type, String key) {}

  /** Where a tuple, or a row of items, begins. */
  private static final Object MARK = new Object();

  /** For None, which no stack of this kind can hold. */
  private static final Object NONE = new Object();

  /**
   * Names and places.
   *
   * @param convert what to do with a file that cannot be read, for errors
   * @throws Failure of data where it is anything else
   */
  static Map<String, Place> read(InputStream in, String origin, String convert) throws IOException {
    TensorPickle pickle = new TensorPickle(in, origin, convert);
    try {
      return pickle.places(pickle.run());
    } catch (EOFException e) {
      throw pickle.unknown("a pickle that ends too early").causedBy(e);
    } catch (ClassCastException | NoSuchElementException | IndexOutOfBoundsException e) {
      throw pickle.unknown("a pickle whose parts do not fit together").causedBy(e);
    }
  }

  private Failure unknown(String found) {
    return Failure.data(
        "%s is no dictionary of tensors alone, it has %s, and nothing in it is executed here: %s",
        origin, found, convert);
  }

  private Map<String, Place> places(Object top) {
    if (!(top instanceof Map<?, ?> map)) {
      throw unknown("something else at the top");
    }
    Map<String, Place> places = new LinkedHashMap<>();
    for (Map.Entry<?, ?> each : map.entrySet()) {
      if (!(each.getKey() instanceof String name) || !(each.getValue() instanceof Place place)) {
        throw unknown("an entry that is no tensor");
      }
      places.put(name, place);
    }
    return places;
  }

  private Object run() throws IOException {
    while (true) {
      int opcode = in.readUnsignedByte();
      switch (opcode) {
        case 0x80 -> in.readUnsignedByte();
        case 0x95 -> in.skipNBytes(Long.BYTES);
        case '(' -> stack.push(MARK);
        case '.' -> {
          return stack.pop();
        }
        case 'N' -> stack.push(NONE);
        case 0x88 -> stack.push(true);
        case 0x89 -> stack.push(false);
        case 'J' -> stack.push((long) Integer.reverseBytes(in.readInt()));
        case 'K' -> stack.push((long) in.readUnsignedByte());
        case 'M' -> stack.push((long) Short.toUnsignedInt(Short.reverseBytes(in.readShort())));
        case 0x8a -> stack.push(longer(bytes(in.readUnsignedByte())));
        case 'G' -> stack.push(in.readDouble());
        case 'X' -> stack.push(text(Integer.reverseBytes(in.readInt())));
        case 0x8c -> stack.push(text(in.readUnsignedByte()));
        case ')' -> stack.push(List.of());
        case ']' -> stack.push(new ArrayList<>());
        case '}' -> stack.push(new LinkedHashMap<>());
        case 't' -> stack.push(sinceMark());
        case 0x85 -> stack.push(last(1));
        case 0x86 -> stack.push(last(2));
        case 0x87 -> stack.push(last(3));
        case 'q' -> memo.put(in.readUnsignedByte(), stack.getFirst());
        case 'r' -> memo.put(Integer.reverseBytes(in.readInt()), stack.getFirst());
        case 0x94 -> memo.put(memo.size(), stack.getFirst());
        case 'h' -> stack.push(remembered(in.readUnsignedByte()));
        case 'j' -> stack.push(remembered(Integer.reverseBytes(in.readInt())));
        case 'c' -> stack.push(named(line(), line()));
        case 0x93 -> {
          List<Object> both = last(2);
          stack.push(named((String) both.get(0), (String) both.get(1)));
        }
        case 'Q' -> stack.push(storage((List<?>) stack.pop()));
        case 'R' -> {
          List<?> arguments = (List<?>) stack.pop();
          stack.push(called((Named) stack.pop(), arguments));
        }
        // What a dictionary has beside its items: a module's metadata.
        case 'b' -> stack.pop();
        case 'a' -> append(last(1));
        case 'e' -> append(sinceMark());
        case 's' -> put(last(2));
        case 'u' -> put(sinceMark());
        default ->
            throw unknown(
                String.format(Locale.ROOT, "the opcode 0x%02x, which tensors do not need", opcode));
      }
    }
  }

  private Object remembered(int key) {
    Object value = memo.get(key);
    if (value == null) {
      throw new NoSuchElementException();
    }
    return value;
  }

  private byte[] bytes(int count) throws IOException {
    if (count < 0 || count > LONGEST) {
      throw unknown("a text of " + Integer.toUnsignedString(count) + " bytes");
    }
    byte[] bytes = new byte[count];
    in.readFully(bytes);
    return bytes;
  }

  private String text(int count) throws IOException {
    return new String(bytes(count), StandardCharsets.UTF_8);
  }

  private String line() throws IOException {
    StringBuilder line = new StringBuilder();
    for (int each = in.readUnsignedByte(); each != '\n'; each = in.readUnsignedByte()) {
      line.append((char) each);
      if (line.length() > LONGEST) {
        throw unknown("a name without an end");
      }
    }
    return line.toString();
  }

  /** Little-endian, in as many bytes as it needs. */
  private long longer(byte[] bytes) {
    byte[] turned = new byte[bytes.length + 1];
    // The sign fills what is in front.
    turned[0] = (byte) (bytes.length > 0 && bytes[bytes.length - 1] < 0 ? -1 : 0);
    for (int i = 0; i < bytes.length; i++) {
      turned[turned.length - 1 - i] = bytes[i];
    }
    BigInteger value = new BigInteger(turned);
    if (value.bitLength() >= Long.SIZE) {
      throw unknown("a number of " + value.bitLength() + " bits");
    }
    return value.longValue();
  }

  private List<Object> last(int count) {
    List<Object> items = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      items.add(0, stack.pop());
    }
    return items;
  }

  private List<Object> sinceMark() {
    Deque<Object> items = new ArrayDeque<>();
    for (Object each = stack.pop(); each != MARK; each = stack.pop()) {
      items.push(each);
    }
    return new ArrayList<>(items);
  }

  @SuppressWarnings("unchecked") // Lists of a pickle are of anything.
  private void append(List<Object> items) {
    ((List<Object>) stack.getFirst()).addAll(items);
  }

  @SuppressWarnings("unchecked") // So are its dictionaries.
  private void put(List<Object> items) {
    Map<Object, Object> map = (Map<Object, Object>) stack.getFirst();
    for (int i = 0; i < items.size(); i += 2) {
      if (!(items.get(i) instanceof String)) {
        throw unknown("a key that is no text");
      }
      map.put(items.get(i), items.get(i + 1));
    }
  }

  private Named named(String module, String name) {
    String full = module + " " + name;
    boolean known =
        full.equals(TENSOR)
            || full.equals(PARAMETER)
            || full.equals(ORDERED_DICT)
            || (module.equals("torch") && name.endsWith("Storage"));
    if (!known) {
      throw unknown("the name " + module + "." + name);
    }
    return new Named(full);
  }

  /** {@code ("storage", class, key, device, count)}. */
  private Storage storage(List<?> said) {
    Named type = (Named) said.get(1);
    String name = type.name().substring(Math.min(TORCH.length(), type.name().length()));
    return new Storage(
        NumberType.ofTorch(name)
            .orElseThrow(
                () ->
                    Failure.data(
                        "%s: a tensor is stored as %s: %s", origin, name, NumberType.known())),
        (String) said.get(2));
  }

  private Object called(Named function, List<?> arguments) {
    return switch (function.name()) {
      case ORDERED_DICT -> new LinkedHashMap<>();
      case PARAMETER -> (Place) arguments.get(0);
      case TENSOR -> {
        Storage storage = (Storage) arguments.get(0);
        Place place =
            new Place(
                storage.type(),
                storage.key(),
                (Long) arguments.get(1),
                whole((List<?>) arguments.get(2)),
                whole((List<?>) arguments.get(3)));
        if (place.offset() < 0
            || place.shape().length != place.strides().length
            || PeerTensors.count(place.shape()) < 0) {
          throw unknown("a tensor of an impossible shape");
        }
        yield place;
      }
      default -> throw unknown("a call of " + function.name());
    };
  }

  private int[] whole(List<?> numbers) {
    int[] whole = new int[numbers.size()];
    for (int i = 0; i < whole.length; i++) {
      long value = (Long) numbers.get(i);
      if (value < 0 || value > Integer.MAX_VALUE) {
        throw unknown("a tensor of an impossible shape");
      }
      whole[i] = (int) value;
    }
    return whole;
  }
}
