import java.io.IOException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Answers a 3-D Secure page as a cardholder's browser would. */
final class Cardholder {
  static final String RETURN_URL = "http://127.0.0.1:9/merchant/return";
  private static final int HOPS_MAX = 6;
  private static final Pattern FORM =
      Pattern.compile("<form([^>]*)>(.*?)</form>", Pattern.DOTALL | Pattern.CASE_INSENSITIVE);
  private static final Pattern FIELD =
      Pattern.compile("<(?:input|button)([^>]*)>", Pattern.CASE_INSENSITIVE);
  private static final Pattern ATTRIBUTE = Pattern.compile("([a-z]+)=\"([^\"]*)\"");
  private static final HttpClient BROWSER = 
      HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

  private Cardholder() {}

  /** Open the page, submit the form that offers the choice, and stop at the merchant's page. */
  static void answer(String page, String choice) throws IOException, InterruptedException {
    Matcher form = FORM.matcher(browse(URI.create(page), null));
    while (form.find()) {
      Map<String, String> fields = new HashMap<>();
      boolean offered = false;
      Matcher field = FIELD.matcher(form.group(2));
      while (field.find()) {
        Map<String, String> given = attributes(field.group(1));
        if ("result".equals(given.get("name"))) {
          offered |= choice.equals(given.get("value"));
        } else if ("hidden".equals(given.get("type"))) {
          fields.put(given.get("name"), given.get("value"));
        }
      }
      if (offered) {
        fields.put("result", choice);
        submit(URI.create(page), attributes(form.group(1)), encoded(fields));
        return;
      }
    }
    throw new AssertionError("no form on " + page);
  }

  private static void submit(URI page, Map<String, String> form, String fields)
      throws IOException, InterruptedException {
    URI target = page.resolve(form.getOrDefault("action", ""));
    if ("post".equalsIgnoreCase(form.get("method"))) {
      browse(target, fields);
    } else {
      browse(URI.create(target + "?" + fields), null);
    }
  }

  private static String browse(URI address, String fields) throws IOException, InterruptedException {
    for (int hop = 0; hop < HOPS_MAX; hop++) {
      if (address.toString().startsWith(RETURN_URL)) {
        return "";
      }
      HttpRequest.Builder asked = HttpRequest.newBuilder(address);
      if (fields != null) {
        asked.header("Content-Type", "application/x-www-form-urlencoded");
        asked.POST(HttpRequest.BodyPublishers.ofString(fields));
      }
      HttpResponse<String> reply = BROWSER.send(asked.build(), HttpResponse.BodyHandlers.ofString());
      if (reply.statusCode() < 300) {
        return reply.body();
      }
      address = address.resolve(reply.headers().firstValue("Location").orElseThrow());
      fields = null;
    }
    throw new AssertionError("too many redirects");
  }

  private static Map<String, String> attributes(String text) {
    Map<String, String> found = new HashMap<>();
    Matcher pair = ATTRIBUTE.matcher(text);
    while (pair.find()) {
      found.put(pair.group(1), pair.group(2).replace("&amp;", "&"));
    }
    return found;
  }

  private static String encoded(Map<String, String> fields) {
    StringBuilder text = new StringBuilder();
    fields.forEach(
        (name, value) ->
            text.append(text.length() == 0 ? "" : "&")
                .append(URLEncoder.encode(name, StandardCharsets.UTF_8))
                .append('=')
                .append(URLEncoder.encode(value, StandardCharsets.UTF_8)));
    return text.toString();
  }
}
