package dev.ontogeny.kernel.cuda;

import com.sun.jna.Pointer;

/**
 * Memory of a device.
 *
 * @param bytes from the pointer on
 */
record DeviceArray(Pointer pointer, long bytes) {
  /** What begins so many bytes later. */
  DeviceArray from(long offset) {
    return new DeviceArray(pointer.share(offset), bytes - offset);
  }
}
