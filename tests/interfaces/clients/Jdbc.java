// pgjdbc: reads with parameters, in steps, and the metadata that browsers of tables ask for. Prints a line for each check.
import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;

public class Jdbc {
    public static void main(String[] arguments) throws SQLException {
        try (Connection connection = DriverManager.getConnection(arguments[0], "me", arguments[1])) {
            read(connection);
            describe(connection.getMetaData());
            readInSteps(connection);
            fail(connection);
        }
    }

    static void read(Connection connection) throws SQLException {
        String query = "SELECT comment, expiry_time FROM user_tokens WHERE expiry_time = ? AND comment = ?";
        try (PreparedStatement statement = connection.prepareStatement(query)) {
            for (int run = 0; run < 7; run++) { // from the fifth on it has a name, and binary results
                statement.setLong(1, -1);
                statement.setString(2, "terraform ci");
                try (ResultSet rows = statement.executeQuery()) {
                    rows.next();
                    if (run == 0 || run == 6) {
                        System.out.println("row " + rows.getString(1) + " " + rows.getLong(2));
                    }
                }
            }
        }
    }

    static void describe(DatabaseMetaData metadata) throws SQLException {
        System.out.println("schemas " + list(metadata.getSchemas(), "TABLE_SCHEM").contains("settings"));
        String[] kinds = {"TABLE", "VIEW"};
        System.out.println("tables " + list(metadata.getTables(null, "workspace", "user%", kinds), "TABLE_NAME"));
        System.out.println("columns " + list(metadata.getColumns(null, "workspace", "user_tokens", "comm%"), "COLUMN_NAME"));
        System.out.println("types " + list(metadata.getColumns(null, "workspace", "user_tokens", "expiry_time"), "TYPE_NAME"));
        System.out.println("keys " + list(metadata.getPrimaryKeys(null, "workspace", "user_tokens"), "COLUMN_NAME"));
        System.out.println("indexes " + list(metadata.getIndexInfo(null, "workspace", "user_tokens", false, false), "INDEX_NAME"));
    }

    static List<String> list(ResultSet rows, String column) throws SQLException {
        List<String> found = new ArrayList<>();
        while (rows.next()) {
            found.add(rows.getString(column));
        }
        return found;
    }

    static void readInSteps(Connection connection) throws SQLException {
        connection.setAutoCommit(false); // only then pgjdbc reads in steps
        try (Statement statement = connection.createStatement()) {
            statement.setFetchSize(100);
            String numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n LIMIT 1050";
            long sum = 0;
            try (ResultSet rows = statement.executeQuery(numbers)) {
                while (rows.next()) {
                    sum += rows.getLong(1);
                }
            }
            System.out.println("sum " + sum);
        }
        connection.commit();
        connection.setAutoCommit(true);
    }

    static void fail(Connection connection) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            statement.executeQuery("SELECT nope FROM user_tokens");
        } catch (SQLException failure) {
            System.out.println("state " + failure.getSQLState());
        }
    }
}
