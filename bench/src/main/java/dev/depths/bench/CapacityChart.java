package dev.depths.bench;

import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.Font;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import org.knowm.xchart.VectorGraphicsEncoder;
import org.knowm.xchart.VectorGraphicsEncoder.VectorGraphicsFormat;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.XYSeries;
import org.knowm.xchart.style.Styler.LegendPosition;
import org.knowm.xchart.style.markers.SeriesMarkers;

/**
 * Draws speed against capacity as SVG: what was measured, and beside it, dashed, what the work alone would allow. Reads
 * a CSV file with the columns test, capacity, measured and ideal, the last two as multiples of dense.
 */
public final class CapacityChart {
  private static final Color[] COLORS = {new Color(0x1f6feb), new Color(0xd1690e), new Color(0x2f855a)};
  /** Beyond hundredths of a pixel; letters are paths, so that there are many. */
  private static final Pattern DIGITS = Pattern.compile("(\\.\\d\\d)\\d+");
  private static final Font TEXT = new Font(Font.SANS_SERIF, Font.PLAIN, 13);

  private CapacityChart() {}

  private record Point(double capacity, double measured, double ideal) {}

  /** @param args the CSV file and the SVG file */
  public static void main(String[] args) throws IOException {
    System.setProperty("java.awt.headless", "true");
    XYChart chart = draw(read(Path.of(args[0])));
    Path svg = Path.of(args[1]);
    VectorGraphicsEncoder.saveVectorGraphic(chart, svg.toString(), VectorGraphicsFormat.SVG);
    Files.writeString(svg, DIGITS.matcher(Files.readString(svg)).replaceAll("$1"));
  }

  private static Map<String, List<Point>> read(Path file) throws IOException {
    Map<String, List<Point>> tests = new LinkedHashMap<>();
    List<String> lines = Files.readAllLines(file);
    for (String line : lines.subList(1, lines.size())) {
      String[] fields = line.split(",");
      tests.computeIfAbsent(fields[0], test -> new ArrayList<>()).add(new Point(
          Double.parseDouble(fields[1]), Double.parseDouble(fields[2]), Double.parseDouble(fields[3])));
    }
    return tests;
  }

  private static XYChart draw(Map<String, List<Point>> tests) {
    XYChart chart = new XYChartBuilder().width(760).height(440)
        .xAxisTitle("Capacity: share of the tokens that every other block computes")
        .yAxisTitle("Speed, dense = 1").build();
    chart.getStyler()
        .setPlotGridLinesColor(new Color(0xdddddd)).setXAxisMin(0.0).setXAxisMax(1.0).setYAxisMin(0.0)
        .setXAxisDecimalPattern("0.0").setYAxisDecimalPattern("0.0").setAxisTickLabelsFont(TEXT).setAxisTitleFont(TEXT)
        .setMarkerSize(7);
    chart.getStyler()
        .setLegendPosition(LegendPosition.InsideNE).setLegendBorderColor(Color.WHITE).setLegendFont(TEXT)
        .setPlotBorderVisible(false).setChartBackgroundColor(Color.WHITE).setPlotBackgroundColor(Color.WHITE);
    int color = 0;
    for (Map.Entry<String, List<Point>> test : tests.entrySet()) {
      List<Point> points = test.getValue();
      List<Double> capacities = points.stream().map(Point::capacity).toList();
      XYSeries ideal =
          chart.addSeries(test.getKey() + ", ideal", capacities, points.stream().map(Point::ideal).toList());
      ideal.setMarker(SeriesMarkers.NONE).setLineColor(COLORS[color % COLORS.length])
          .setLineStyle(new BasicStroke(1.5f, BasicStroke.CAP_BUTT, BasicStroke.JOIN_ROUND, 1, new float[] {6, 5}, 0));
      XYSeries measured = chart.addSeries(test.getKey(), capacities, points.stream().map(Point::measured).toList());
      measured.setMarker(SeriesMarkers.CIRCLE).setMarkerColor(COLORS[color % COLORS.length])
          .setLineColor(COLORS[color % COLORS.length]).setLineStyle(new BasicStroke(2));
      color++;
    }
    return chart;
  }
}
