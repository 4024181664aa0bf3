package dev.ontogeny.export;

import dev.ontogeny.data.Half;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;

/**
 * How a peer's file writes numbers, little-endian. What is narrower than a float widens exactly.
 */
enum NumberType {
  F32("F32", "FloatStorage", Float.BYTES) {
    @Override
    double next(ByteBuffer bytes) {
      return bytes.getFloat();
    }
  },
  F16("F16", "HalfStorage", Short.BYTES) {
    @Override
    double next(ByteBuffer bytes) {
      return Half.toFloat(bytes.getShort());
    }
  },
  BF16("BF16", "BFloat16Storage", Short.BYTES) {
    @Override
    double next(ByteBuffer bytes) {
      return Half.fromBfloat16(bytes.getShort());
    }
  },
  I64("I64", "LongStorage", Long.BYTES) {
    @Override
    double next(ByteBuffer bytes) {
      return bytes.getLong();
    }
  },
  I32("I32", "IntStorage", Integer.BYTES) {
    @Override
    double next(ByteBuffer bytes) {
      return bytes.getInt();
    }
  };

  private final String safetensors;
  private final String torch;
  private final int bytes;

  NumberType(String safetensors, String torch, int bytes) {
    this.safetensors = safetensors;
    this.torch = torch;
    this.bytes = bytes;
  }

  /** Reads one and moves on. */
  abstract double next(ByteBuffer bytes);

  /** Bytes of one. */
  int bytes() {
    return bytes;
  }

  /** PyTorch's class of storage for it. */
  String torch() {
    return torch;
  }

  /** By the name that safetensors has for it. */
  static Optional<NumberType> ofSafetensors(String name) {
    return Arrays.stream(values()).filter(each -> each.safetensors.equals(name)).findFirst();
  }

  /** By the class of storage that PyTorch has for it. */
  static Optional<NumberType> ofTorch(String name) {
    return Arrays.stream(values()).filter(each -> each.torch.equals(name)).findFirst();
  }

  /** What can be read, in words, and what to do with all else. */
  static String known() {
    return String.format(
        Locale.ROOT,
        "%s, %s, %s and whole numbers can be read; cast it to float32",
        F32,
        F16,
        BF16);
  }
}
