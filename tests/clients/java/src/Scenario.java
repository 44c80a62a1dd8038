import com.google.gson.Gson;
import com.stripe.StripeClient;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;

/**
 * Drives every payment flow through the official Java library, unmodified. Takes HAZINA_URL and HAZINA_SECRET_KEY;
 * prints one JSON line per step; ends with code 1 when one does not hold. The steps have the names in ../steps.json;
 * the other clients run the same ones.
 */
public final class Scenario {
  private static final Gson JSON = new Gson();

  /** One step of the story; returns the ids that it made. */
  interface Step {
    Map<String, ?> run() throws Exception;
  }

  private Scenario() {}

  public static void main(String[] arguments) throws Exception {
    String[] names = JSON.fromJson(Files.readString(Path.of("../steps.json")), String[].class);
    // Retries inside the library would hide an answer that should never have been given.
    StripeClient client =
        StripeClient.builder()
            .setApiKey(System.getenv("HAZINA_SECRET_KEY"))
            .setApiBase(System.getenv("HAZINA_URL"))
            .setMaxNetworkRetries(0)
            .build();
    Map<String, Step> steps = new Steps(client.v1()).byName();
    for (String name : names) {
      Map<String, Object> line = new LinkedHashMap<>();
      line.put("step", name);
      try {
        line.put("facts", Objects.requireNonNull(steps.get(name), "no such step").run());
        line.put("ok", true);
      } catch (Exception | AssertionError problem) {
        line.put("ok", false);
        line.put("error", String.valueOf(problem));
        System.out.println(JSON.toJson(line));
        problem.printStackTrace();
        System.exit(1);
      }
      System.out.println(JSON.toJson(line));
    }
  }
}
