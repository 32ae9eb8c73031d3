package dev.depths.runtime;

import dev.depths.runtime.kernel.PackedMatrix;
import dev.depths.runtime.kernel.Packer;
import dev.depths.runtime.kernel.PanelFormat;
import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Stream;
import java.util.zip.CRC32C;

/**
 * Packed matrices kept in a file from one start to the next, one file per model, named by the model's fingerprint. A file
 * is written beside its place and moved there, so that processes which start at once do no harm to each other; it is
 * checked by its sums before it is believed; and whatever goes wrong costs the time to pack, nothing else. The matrices
 * are read into memory rather than mapped: compiled vector loads from a mapped file that shrinks would end the JVM.
 */
final class PackedCache {
  private static final long MAGIC = 0x4445505448533031L;
  private static final int VERSION = 3;
  private static final String SUFFIX = ".packed";
  /** Bytes under one checksum; workers read chunks in turns. */
  private static final int CHUNK = 4 << 20;
  private static final long ALIGNMENT = 64;
  private static final int MAX_HEADER = 16 << 20;
  /** All files of the directory together; the least recently used go first. */
  static final long MAX_BYTES = 8L << 30;

  private final Path file;
  private final Workers workers;
  private final Map<String, PackedMatrix> found = new HashMap<>();
  private final Map<String, PackedMatrix> used = new LinkedHashMap<>();
  private boolean missed;

  /**
   * Opens a model's cache file, if there is one that is whole.
   *
   * @param directory where cache files are; made if need be
   * @param key the model's fingerprint, letters and digits
   * @param arena owns the matrices
   */
  PackedCache(Path directory, String key, Workers workers, Arena arena) {
    this.file = directory.resolve(key + SUFFIX);
    this.workers = workers;
    if (Files.isRegularFile(file)) {
      try {
        read(arena);
        Files.setLastModifiedTime(file, FileTime.from(Instant.now()));
      } catch (IOException | RuntimeException _) {
        // Cut off, of another version, or not ours: it is written anew.
        found.clear();
      }
    }
  }

  /** A matrix of the cache file, or null. */
  PackedMatrix find(String name, PanelFormat format, int rows, int columns) {
    PackedMatrix m = found.get(name);
    if (m == null || m.format() != format || m.rows() != rows || m.columns() != columns) {
      missed = true;
      return null;
    }
    used.put(name, m);
    return m;
  }

  /** A matrix that was not found and had to be packed. */
  void add(String name, PackedMatrix m) {
    used.put(name, m);
  }

  /** Writes the file if a matrix was missing. */
  void store() {
    if (!missed) {
      return;
    }
    try {
      Files.createDirectories(file.getParent());
      Path part = Files.createTempFile(file.getParent(), file.getFileName().toString(), ".part");
      try {
        write(part);
        Files.move(part, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
      } finally {
        Files.deleteIfExists(part);
      }
      evict();
    } catch (IOException _) {
      // A full or read-only disk: the next start packs again.
    }
  }

  private void write(Path to) throws IOException {
    List<PackedMatrix> matrices = new ArrayList<>(used.values());
    long[] offsets = new long[matrices.size()];
    long size = 0;
    for (int i = 0; i < offsets.length; i++) {
      offsets[i] = size;
      size = aligned(size + matrices.get(i).bytes());
    }
    try (FileChannel channel = FileChannel.open(to, StandardOpenOption.WRITE)) {
      byte[] header = header(matrices, offsets, size, new int[chunks(size)]);
      long start = aligned(header.length);
      for (int i = 0; i < offsets.length; i++) {
        PackedMatrix m = matrices.get(i);
        for (long o = 0; o < m.bytes(); o += CHUNK) {
          ByteBuffer bytes = m.data().asSlice(o, Math.min(CHUNK, m.bytes() - o)).asByteBuffer();
          for (long at = start + offsets[i] + o; bytes.hasRemaining();) {
            at += channel.write(bytes, at);
          }
        }
      }
      // The padding after the last matrix.
      channel.write(ByteBuffer.wrap(new byte[1]), start + size);
      ByteBuffer payload = ByteBuffer.allocateDirect(CHUNK);
      int[] sums = new int[chunks(size)];
      try (FileChannel in = FileChannel.open(to, StandardOpenOption.READ)) {
        for (int i = 0; i < sums.length; i++) {
          payload.clear().limit((int) Math.min(CHUNK, size - (long) i * CHUNK));
          readFully(in, payload, start + (long) i * CHUNK);
          sums[i] = checksum(payload.flip());
        }
      }
      channel.write(ByteBuffer.wrap(header(matrices, offsets, size, sums)), 0);
    }
  }

  private byte[] header(List<PackedMatrix> matrices, long[] offsets, long size, int[] sums) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (DataOutputStream out = new DataOutputStream(bytes)) {
      out.writeLong(size);
      out.writeInt(offsets.length);
      List<String> names = List.copyOf(used.keySet());
      for (int i = 0; i < offsets.length; i++) {
        PackedMatrix m = matrices.get(i);
        out.writeUTF(names.get(i));
        out.writeUTF(m.format().name());
        out.writeInt(m.rows());
        out.writeInt(m.columns());
        out.writeLong(offsets[i]);
      }
      for (int sum : sums) {
        out.writeInt(sum);
      }
    }
    byte[] body = bytes.toByteArray();
    return ByteBuffer.allocate(body.length + 24).putLong(MAGIC).putInt(VERSION).putInt(body.length).putLong(checksum(
        ByteBuffer.wrap(body))).put(body).array();
  }

  private void read(Arena arena) throws IOException {
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      ByteBuffer prefix = ByteBuffer.allocate(24);
      readFully(channel, prefix, 0);
      prefix.flip();
      require(prefix.getLong() == MAGIC && prefix.getInt() == VERSION);
      int length = prefix.getInt();
      require(length > 0 && length <= MAX_HEADER && length <= channel.size());
      ByteBuffer body = ByteBuffer.allocate(length);
      readFully(channel, body, 24);
      require(checksum(body.flip()) == prefix.getLong());
      try (InputStream in = Channels.newInputStream(channel.position(24));
          DataInputStream data = new DataInputStream(new BufferedInputStream(in, 1 << 16))) {
        readMatrices(channel, data, aligned(24L + length), arena);
      }
    }
  }

  private void readMatrices(FileChannel channel, DataInputStream header, long start, Arena arena) throws IOException {
    long size = header.readLong();
    require(size > 0 && size <= channel.size() - start);
    MemorySegment payload = arena.allocate(size, ALIGNMENT);
    int n = header.readInt();
    for (int i = 0; i < n; i++) {
      String name = header.readUTF();
      PanelFormat format = PanelFormat.valueOf(header.readUTF());
      int rows = header.readInt();
      int columns = header.readInt();
      long offset = header.readLong();
      long bytes = Packer.bytes(format, rows, columns);
      require(offset % ALIGNMENT == 0 && offset >= 0 && bytes <= size - offset);
      found.put(name, new PackedMatrix(format, rows, columns, payload.asSlice(offset, bytes)));
    }
    int[] sums = new int[chunks(size)];
    for (int i = 0; i < sums.length; i++) {
      sums[i] = header.readInt();
    }
    AtomicReference<IOException> failure = new AtomicReference<>();
    workers.run((share, shares) -> {
      try {
        for (int i = share; i < sums.length; i += shares) {
          long from = (long) i * CHUNK;
          ByteBuffer chunk = payload.asSlice(from, Math.min(CHUNK, size - from)).asByteBuffer();
          readFully(channel, chunk, start + from);
          require(checksum(chunk.flip()) == sums[i]);
        }
      } catch (IOException e) {
        failure.set(e);
      }
    });
    if (failure.get() != null) {
      throw failure.get();
    }
  }

  /** Deletes the least recently used files beyond the bound, and parts that a process left behind. */
  private void evict() throws IOException {
    List<Path> files;
    try (Stream<Path> all = Files.list(file.getParent())) {
      files = all.filter(f -> f.toString().endsWith(SUFFIX) || f.toString().endsWith(".part")).toList();
    }
    Instant old = Instant.now().minusSeconds(3600);
    Map<Path, Instant> times = new HashMap<>();
    for (Path f : files) {
      times.put(f, Files.getLastModifiedTime(f).toInstant());
      if (f.toString().endsWith(".part") && times.get(f).isBefore(old)) {
        Files.deleteIfExists(f);
      }
    }
    long bytes = 0;
    for (Path f : files.stream().filter(f -> f.toString().endsWith(SUFFIX))
        .sorted(Comparator.comparing(times::get).reversed()).toList()) {
      bytes += Files.size(f);
      if (bytes > MAX_BYTES && !f.equals(file)) {
        Files.deleteIfExists(f);
      }
    }
  }

  private static void readFully(FileChannel channel, ByteBuffer to, long from) throws IOException {
    for (long at = from; to.hasRemaining();) {
      int n = channel.read(to, at);
      require(n > 0);
      at += n;
    }
  }

  private static int checksum(ByteBuffer bytes) {
    CRC32C sum = new CRC32C();
    sum.update(bytes);
    return (int) sum.getValue();
  }

  private static int chunks(long size) {
    return Math.toIntExact(Math.ceilDiv(size, CHUNK));
  }

  private static long aligned(long offset) {
    return Math.ceilDiv(offset, ALIGNMENT) * ALIGNMENT;
  }

  private static void require(boolean condition) throws IOException {
    if (!condition) {
      throw new IOException("no cache file of this version, or a damaged one");
    }
  }
}
