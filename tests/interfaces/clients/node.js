// node-postgres: reads with and without parameters, and a named statement. Prints a line for each check.
const { Client } = require("pg");

async function run() {
  const client = new Client({ connectionString: process.argv[2], password: process.argv[3] });
  await client.connect();
  const query = "SELECT comment, expiry_time FROM user_tokens WHERE expiry_time = $1 AND comment = $2";
  for (const name of [undefined, "named", "named"]) {
    const { rows } = await client.query({ name, text: query, values: [-1, "terraform ci"] });
    console.log("row", rows[0].comment, rows[0].expiry_time);
  }
  const several = await client.query("SELECT 1 AS one; SELECT 2 AS two");
  console.log("several", several.map((result) => Object.values(result.rows[0])[0]).join(" "));
  const tables = await client.query(
    "SELECT table_name FROM information_schema.tables WHERE table_schema = $1 AND table_name LIKE 'user%'", ["workspace"]);
  console.log("tables", tables.rows.map((row) => row.table_name).join(" "));
  try {
    await client.query("SELECT nope FROM user_tokens");
  } catch (error) {
    console.log("state", error.code, error.position, error.hint);
  }
  await client.end();
}

run().catch((error) => { console.error(error); process.exit(1); });
