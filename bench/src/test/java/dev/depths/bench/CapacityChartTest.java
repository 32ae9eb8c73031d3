package dev.depths.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.awt.GraphicsEnvironment;
import java.nio.file.Files;
import java.nio.file.Path;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.w3c.dom.Document;

class CapacityChartTest {
  /** Letters are drawn by the JDK, which on Linux needs fontconfig and a font; without them there is nothing to test. */
  @BeforeAll
  static void requireFonts() {
    System.setProperty("java.awt.headless", "true");
    assumeTrue(hasFonts(), "no fonts");
  }

  private static boolean hasFonts() {
    try {
      return GraphicsEnvironment.getLocalGraphicsEnvironment().getAvailableFontFamilyNames().length > 0;
    } catch (RuntimeException | LinkageError | InternalError e) {
      // What the JDK makes of a system without fontconfig.
      return false;
    }
  }

  @Test
  void drawsEachPointAsACircle(@TempDir Path directory) throws Exception {
    Path points = Files.writeString(directory.resolve("points.csv"), """
        test,capacity,measured,ideal
        decode,0.125,1.4,1.46
        decode,0.5,1.2,1.22
        decode,1,1,1
        prefill,0.125,1.7,1.79
        prefill,1,1,1
        """);
    Path svg = directory.resolve("chart.svg");
    CapacityChart.main(new String[] {points.toString(), svg.toString()});
    DocumentBuilderFactory factory = DocumentBuilderFactory.newInstance();
    factory.setFeature("http://apache.org/xml/features/nonvalidating/load-external-dtd", false);
    Document document = factory.newDocumentBuilder().parse(svg.toFile());
    // Five points, and one mark in the legend for each test.
    assertEquals(5 + 2, document.getElementsByTagName("ellipse").getLength());
  }
}
