package dev.ontogeny.kernel.cpu;

import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_DST;
import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_SRC;
import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_WEIGHTS;

import java.nio.FloatBuffer;
import java.util.ArrayDeque;
import java.util.Deque;
import org.bytedeco.dnnl.IntMemoryMap;
import org.bytedeco.dnnl.engine;
import org.bytedeco.dnnl.global.dnnl;
import org.bytedeco.dnnl.matmul;
import org.bytedeco.dnnl.memory;
import org.bytedeco.dnnl.reorder;
import org.bytedeco.dnnl.stream;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.Pointer;

/**
 * The product by oneDNN, of numbers in fp32 or rounded to bf16, summed in fp32. Every call runs in
 * the thread that makes it: parallelism is over blocks of rows, so that each core multiplies,
 * selects and gathers without waiting for another.
 *
 * <p>oneDNN's memory objects do not keep the Java pointers alive that they were made of; every
 * pointer is held in {@link #held} until {@link #close}.
 */
final class OneDnnProduct extends EncoderProduct {
  private final Deque<Pointer> held = new ArrayDeque<>();
  private final engine cpu;
  private final memory[] weights;
  private final Lane[] lanes;

  /** What one worker has to itself. */
  private static final class Lane {
    stream queue;
    FloatBuffer rows;
    FloatBuffer results;
    FloatBuffer staging;
    int count;
    memory given;
    memory multiplied;
    reorder rounding;
    final matmul[] product = new matmul[2];
    final memory[] stagingMemory = new memory[2];
    final reorder[] packing = new reorder[2];
    IntMemoryMap[] arguments;
  }

  private OneDnnProduct(memory.data_type type, int inputs, int width, int blockRows, int workers) {
    super(inputs, width, blockRows);
    cpu = hold(new engine(engine.kind.cpu, 0));
    weights = new memory[panels()];
    lanes = new Lane[workers];
    for (int worker = 0; worker < workers; worker++) {
      lanes[worker] = new Lane();
    }
    OpenMp.oneThreadHere();
    for (Lane lane : lanes) {
      prepare(lane, type);
    }
  }

  private void prepare(Lane lane, memory.data_type type) {
    memory.data_type fp32 = memory.data_type.f32;
    lane.queue = hold(new stream(cpu));
    FloatPointer rows = hold(new FloatPointer((long) blockRows * inputs).zero());
    FloatPointer results = hold(new FloatPointer((long) blockRows * Math.min(PANEL, width)));
    FloatPointer staging = hold(new FloatPointer((long) Math.min(PANEL, width) * inputs));
    lane.rows = rows.asBuffer();
    lane.results = results.asBuffer();
    lane.staging = staging.asBuffer();
    long[] shapeOfRows = {blockRows, inputs};
    memory.desc source = hold(new memory.desc(shapeOfRows, type, memory.format_tag.ab));
    if (type == fp32) {
      lane.multiplied = hold(new memory(source, cpu, rows));
    } else {
      memory.desc given = hold(new memory.desc(shapeOfRows, fp32, memory.format_tag.ab));
      lane.given = hold(new memory(given, cpu, rows));
      BytePointer rounded = hold(new BytePointer(source.get_size()).zero());
      lane.multiplied = hold(new memory(source, cpu, rounded));
      lane.rounding = hold(new reorder(lane.given, lane.multiplied));
    }
    lane.arguments = new IntMemoryMap[panels()];
    for (int panel = 0; panel < panels(); panel++) {
      int shape = shape(panel);
      int size = size(panel);
      memory.desc destination =
          hold(new memory.desc(new long[] {blockRows, size}, fp32, memory.format_tag.ab));
      memory.desc any =
          hold(new memory.desc(new long[] {inputs, size}, type, memory.format_tag.any));
      matmul.desc description = hold(new matmul.desc(source, any, destination));
      matmul.primitive_desc primitive = hold(new matmul.primitive_desc(description, cpu));
      memory.desc packed = hold(primitive.weights_desc());
      if (weights[panel] == null) {
        BytePointer bytes = hold(new BytePointer(packed.get_size()).zero());
        weights[panel] = hold(new memory(packed, cpu, bytes));
      }
      if (lane.product[shape] == null) {
        lane.product[shape] = hold(new matmul(primitive));
        memory.desc byLatent =
            hold(new memory.desc(new long[] {inputs, size}, fp32, memory.format_tag.ba));
        lane.stagingMemory[shape] = hold(new memory(byLatent, cpu, staging));
        lane.packing[shape] = hold(new reorder(lane.stagingMemory[shape], weights[panel]));
      }
      IntMemoryMap arguments = hold(new IntMemoryMap());
      arguments.put(DNNL_ARG_SRC, lane.multiplied);
      arguments.put(DNNL_ARG_WEIGHTS, weights[panel]);
      arguments.put(DNNL_ARG_DST, hold(new memory(destination, cpu, results)));
      lane.arguments[panel] = arguments;
    }
  }

  /** Whole panels are of shape 0, a shorter last one of shape 1. */
  private int shape(int panel) {
    return size(panel) == PANEL ? 0 : 1;
  }

  private <P extends Pointer> P hold(P pointer) {
    held.push(pointer);
    return pointer;
  }

  /** Loads the library and asks it what it found; fails with a {@link LinkageError} without one. */
  static Factory factory() {
    return factory(memory.data_type.f32, "oneDNN fp32: ");
  }

  /** In bf16; null where the processor has no instructions for it. */
  static Factory screening() {
    int isa = dnnl.dnnl_get_effective_cpu_isa();
    return isa == dnnl.dnnl_cpu_isa_avx512_core_bf16 || isa == dnnl.dnnl_cpu_isa_avx512_core_amx
        ? factory(memory.data_type.bf16, "bf16: ")
        : null;
  }

  private static Factory factory(memory.data_type type, String name) {
    int isa = dnnl.dnnl_get_effective_cpu_isa();
    OpenMp.oneThreadHere();
    return new Factory() {
      @Override
      public String name() {
        return name + isaName(isa);
      }

      @Override
      public EncoderProduct create(int inputs, int width, int blockRows, int workers) {
        return new OneDnnProduct(type, inputs, width, blockRows, workers);
      }
    };
  }

  private static String isaName(int isa) {
    if (isa == dnnl.dnnl_cpu_isa_avx512_core_amx) {
      return "avx512_core_amx";
    } else if (isa == dnnl.dnnl_cpu_isa_avx512_core_bf16) {
      return "avx512_core_bf16";
    } else if (isa == dnnl.dnnl_cpu_isa_avx512_core_vnni) {
      return "avx512_core_vnni";
    } else if (isa == dnnl.dnnl_cpu_isa_avx512_core) {
      return "avx512_core";
    } else if (isa == dnnl.dnnl_cpu_isa_avx2 || isa == dnnl.dnnl_cpu_isa_avx2_vnni) {
      return "avx2";
    }
    return "instruction set " + isa;
  }

  @Override
  void pack(int worker, int panel, float[] encoder) {
    Lane lane = lanes[worker];
    OpenMp.oneThreadHere();
    lane.staging.put(0, encoder, first(panel) * inputs, size(panel) * inputs);
    int shape = shape(panel);
    lane.packing[shape].execute(lane.queue, lane.stagingMemory[shape], weights[panel]);
    lane.queue._wait();
  }

  @Override
  void load(int worker, float[] rows, int at, int count) {
    // Rows beyond count keep what an earlier block left there; their products are not read.
    Lane lane = lanes[worker];
    lane.rows.put(0, rows, at, count * inputs);
    lane.count = count;
    OpenMp.oneThreadHere();
    if (lane.rounding != null) {
      lane.rounding.execute(lane.queue, lane.given, lane.multiplied);
      lane.queue._wait();
    }
  }

  @Override
  void multiply(int worker, int panel, float[] into, int at, int stride) {
    Lane lane = lanes[worker];
    lane.product[shape(panel)].execute(lane.queue, lane.arguments[panel]);
    lane.queue._wait();
    int size = size(panel);
    for (int row = 0; row < lane.count; row++) {
      lane.results.get(row * size, into, at + row * stride, size);
    }
  }

  @Override
  public void close() {
    while (!held.isEmpty()) {
      held.pop().close();
    }
  }
}
