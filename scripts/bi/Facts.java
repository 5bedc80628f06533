import java.sql.*;
import java.time.*;
import java.util.*;

/** Prints the facts of scripts/bi-trial.sh as JDBC sees them: java -cp postgresql.jar Facts.java URL MOMENT */
public class Facts {
    static final String[] VIEWS = {"current_reports", "cycle_progress", "cycles", "open_reports", "report_history",
        "status_changes", "time_in_status"};

    public static void main(String[] arguments) throws SQLException {
        try (Connection db = DriverManager.getConnection(arguments[0])) {
            for (String view : VIEWS) {
                try (Statement s = db.createStatement(); ResultSet r = s.executeQuery("select * from " + view)) {
                    long rows = 0;
                    while (r.next()) rows++;
                    System.out.println("rows " + view + " " + rows);
                }
            }
            try (Statement s = db.createStatement(); ResultSet r = s.executeQuery(
                    "select cycle, reports, share_completed, confirmed_at from cycle_progress order by cycle desc limit 3")) {
                while (r.next()) {
                    // As the types that JDBC 4.2 has for them.
                    LocalDate cycle = r.getObject("cycle", LocalDate.class);
                    Instant confirmed = r.getObject("confirmed_at", OffsetDateTime.class).toInstant();
                    System.out.printf(Locale.ROOT, "progress %s %d %.4f %d%n", cycle, r.getLong("reports"),
                        r.getDouble("share_completed"), confirmed.getEpochSecond());
                }
            }
            try (Statement s = db.createStatement(); ResultSet r = s.executeQuery(
                    "select distinct partner_company_name from current_reports")) {
                // In the order of the characters' numbers, which no locale changes; of the ten first.
                SortedSet<String> names = new TreeSet<>();
                while (r.next()) names.add(r.getString(1));
                names.stream().limit(10).forEach(name -> System.out.println("name " + name));
            }
            try (PreparedStatement s = db.prepareStatement(
                    "select status, count(*) from reports_as_of(?) group by status order by status")) {
                s.setObject(1, OffsetDateTime.parse(arguments[1]));
                try (ResultSet r = s.executeQuery()) {
                    while (r.next()) System.out.println("as of " + r.getString(1) + " " + r.getLong(2));
                }
            }
            // What a tool shows when one browses.
            DatabaseMetaData browse = db.getMetaData();
            try (ResultSet r = browse.getTables(null, "lmp_billing", "cycle_progress", new String[] {"VIEW"})) {
                r.next();
                System.out.println("comment " + r.getString("REMARKS"));
            }
            try (ResultSet r = browse.getColumns(null, "lmp_billing", "cycle_progress", "%")) {
                while (r.next())
                    System.out.println("column " + r.getString("COLUMN_NAME") + " " + kind(r.getInt("DATA_TYPE")) + " "
                        + r.getString("REMARKS"));
            }
            try (Statement s = db.createStatement()) {
                s.executeUpdate("update report_statuses set position = 0");
                System.out.println("update allowed");
            } catch (SQLException refused) {
                System.out.println("update refused " + refused.getSQLState());
            }
        }
        // On standard error, because the page about it shows it and the comparison does not want it.
        Driver driver = DriverManager.getDriver(arguments[0]);
        System.err.println("JDBC driver " + driver.getMajorVersion() + "." + driver.getMinorVersion() + ", Java "
            + System.getProperty("java.version"));
    }

    static String kind(int type) {
        return switch (JDBCType.valueOf(type)) {
            case VARCHAR -> "text";
            case DATE -> "date";
            case BIGINT -> "bigint";
            case DOUBLE -> "double";
            // The driver says TIMESTAMP for a timestamp with time zone too.
            case TIMESTAMP, TIMESTAMP_WITH_TIMEZONE -> "timestamp";
            default -> JDBCType.valueOf(type).getName();
        };
    }
}
