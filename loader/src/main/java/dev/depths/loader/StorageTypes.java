package dev.depths.loader;

import java.util.Collection;
import java.util.EnumMap;
import java.util.Map;
import java.util.Optional;

/**
 * In which types the tensors of a converted model are stored. Weights that are multiplied with, two-dimensional ones of
 * blocks, embedding and output, take the type that is asked for; where rows are no whole blocks of it they become F16, as in
 * llama.cpp. Norms, biases, routers and gates are small, and stay exact; the factors of a bypass, which is computed in the
 * type that it has, keep that.
 *
 * @param asked the type of the matrices, or empty to keep what they have
 * @param widen whether all else becomes F32 even if no type is asked for, because readers of GGUF expect it
 */
record StorageTypes(Optional<DType> asked, boolean widen) {
  /** Number of the layout of quantised blocks, {@code general.quantization_version}. */
  static final int QUANTIZATION_VERSION = 2;

  /** Numbers of {@code general.file_type}, by the type that most weights have. */
  private static final Map<DType, Integer> FILE_TYPES = Map.of(
      DType.F32, 0, DType.F16, 1, DType.Q4_0, 2, DType.Q4_1, 3, DType.Q8_0, 7, DType.BF16, 32);

  /** @param adapter that may change the tensor, which then cannot stay in a type that cannot be made */
  DType of(Tensor tensor, Optional<Adapter> adapter) {
    if (ModTensors.isBypass(tensor.name())) {
      return tensor.type();
    }
    if (!isMatrix(tensor)) {
      return widen || asked.isPresent() ? DType.F32 : tensor.type();
    }
    boolean changed = adapter.isPresent() && adapter.get().updates(tensor.name());
    DType kept = changed && !Quantizer.TYPES.contains(tensor.type()) ? DType.F16 : tensor.type();
    DType type = asked.orElse(kept);
    return tensor.columns() % type.blockSize() == 0 ? type : DType.F16;
  }

  private static boolean isMatrix(Tensor tensor) {
    String name = tensor.name();
    boolean small = name.contains("mod_") || name.contains("ffn_gate_inp");
    return tensor.shape().size() > 1 && !small && (name.startsWith("blk.") && name.endsWith(".weight")
        || name.equals("token_embd.weight") || name.equals("output.weight"));
  }

  /** The type that most elements of a model's matrices will be of. */
  DType prevailing(Collection<Tensor> tensors, Optional<Adapter> adapter) {
    Map<DType, Long> elements = new EnumMap<>(DType.class);
    for (Tensor tensor : tensors) {
      if (isMatrix(tensor)) {
        elements.merge(of(tensor, adapter), tensor.rows() * tensor.columns(), Long::sum);
      }
    }
    return elements.entrySet().stream().max(Map.Entry.comparingByValue()).orElseThrow().getKey();
  }

  /** The number of a prevailing type; empty for those of which llama.cpp has several mixtures. */
  static Optional<Integer> fileType(DType type) {
    return Optional.ofNullable(FILE_TYPES.get(type));
  }
}
