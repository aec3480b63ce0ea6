package nudge;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.eclipse.californium.core.coap.Response;
import org.eclipse.leshan.core.link.lwm2m.LwM2mLink;
import org.eclipse.leshan.core.link.lwm2m.attributes.DefaultLwM2mAttributeParser;
import org.eclipse.leshan.core.link.lwm2m.attributes.LwM2mAttribute;
import org.eclipse.leshan.core.link.lwm2m.attributes.LwM2mAttributeSet;
import org.eclipse.leshan.core.model.LwM2mModel;
import org.eclipse.leshan.core.node.LwM2mNode;
import org.eclipse.leshan.core.node.LwM2mObjectInstance;
import org.eclipse.leshan.core.node.LwM2mPath;
import org.eclipse.leshan.core.observation.CompositeObservation;
import org.eclipse.leshan.core.observation.Observation;
import org.eclipse.leshan.core.observation.SingleObservation;
import org.eclipse.leshan.core.request.CancelCompositeObservationRequest;
import org.eclipse.leshan.core.request.CancelObservationRequest;
import org.eclipse.leshan.core.request.ContentFormat;
import org.eclipse.leshan.core.request.CreateRequest;
import org.eclipse.leshan.core.request.DeleteRequest;
import org.eclipse.leshan.core.request.DiscoverRequest;
import org.eclipse.leshan.core.request.DownlinkDeviceManagementRequest;
import org.eclipse.leshan.core.request.ExecuteRequest;
import org.eclipse.leshan.core.request.ObserveCompositeRequest;
import org.eclipse.leshan.core.request.ObserveRequest;
import org.eclipse.leshan.core.request.ReadCompositeRequest;
import org.eclipse.leshan.core.request.ReadRequest;
import org.eclipse.leshan.core.request.WriteAttributesRequest;
import org.eclipse.leshan.core.request.WriteCompositeRequest;
import org.eclipse.leshan.core.request.WriteRequest;
import org.eclipse.leshan.core.response.CreateResponse;
import org.eclipse.leshan.core.response.DiscoverResponse;
import org.eclipse.leshan.core.response.LwM2mResponse;
import org.eclipse.leshan.core.response.ReadCompositeResponse;
import org.eclipse.leshan.core.response.ReadResponse;
import org.eclipse.leshan.server.registration.Registration;

/**
 * Device management operations: the request that a command describes, and its response as JSON.
 *
 * <p>A command has "do" and, as the operation needs them: path, paths, value, values {path: value},
 * instance, format and accept (CoAP numbers), partial, argument, attributes ("pmin=1&amp;gt").
 */
final class Operations {
    private Operations() {}

    static DownlinkDeviceManagementRequest<? extends LwM2mResponse> request(
            JsonNode command, LwM2mModel model, Collection<Observation> observations)
            throws Exception {
        String path = command.path("path").asText();
        ContentFormat format = format(command, "format");
        ContentFormat accept = format(command, "accept");
        return switch (command.get("do").asText()) {
            case "read" -> new ReadRequest(accept, path);
            case "discover" -> new DiscoverRequest(path);
            case "observe" -> new ObserveRequest(accept, path);
            case "delete" -> new DeleteRequest(path);
            case "execute" -> command.path("argument").isTextual()
                    ? new ExecuteRequest(path, command.get("argument").asText())
                    : new ExecuteRequest(path);
            case "write" -> write(command, model, format);
            case "create" -> create(command, model, format);
            case "write-attributes" -> new WriteAttributesRequest(
                    path, new LwM2mAttributeSet(attributes(command.get("attributes").asText())));
            case "read-composite" -> new ReadCompositeRequest(format, accept, paths(command));
            case "observe-composite" -> new ObserveCompositeRequest(
                    format, accept, LwM2mPath.getLwM2mPathList(paths(command)));
            case "write-composite" -> writeComposite(command, model, format);
            case "cancel" -> cancel(command, observations);
            default -> throw new IllegalArgumentException(
                    "no such operation: " + command.get("do"));
        };
    }

    /** Adds a response's code, and the Content-Format of its payload, to a line. */
    static ObjectNode answered(ObjectNode out, LwM2mResponse response) {
        int code = response.getCode().getCode();
        out.put("code", "%d.%02d".formatted(code / 100, code % 100));
        if (response.getCoapResponse() instanceof Response coap
                && coap.getOptions().hasContentFormat()) {
            out.put("content_format", coap.getOptions().getContentFormat());
        }
        if (response.getErrorMessage() != null && !response.getErrorMessage().isEmpty()) {
            out.put("text", response.getErrorMessage());
        }
        return out;
    }

    static ObjectNode reply(LwM2mResponse response) {
        ObjectNode out = answered(Lines.object(), response);
        if (response instanceof ReadResponse read && read.getContent() != null) {
            out.set("value", Values.json(read.getContent()));
        } else if (response instanceof ReadCompositeResponse read && read.getContent() != null) {
            out.set("value", Values.json(read.getContent()));
        } else if (response instanceof CreateResponse created) {
            out.put("location", created.getLocation());
        } else if (response instanceof DiscoverResponse found && found.getObjectLinks() != null) {
            ArrayNode links = out.putArray("links");
            for (LwM2mLink link : found.getObjectLinks()) {
                links.add(link.toCoreLinkFormat());
            }
        }
        return out;
    }

    private static WriteRequest write(JsonNode command, LwM2mModel model, ContentFormat format) {
        LwM2mPath path = new LwM2mPath(command.get("path").asText());
        boolean partial = command.path("partial").asBoolean();
        WriteRequest.Mode mode = partial ? WriteRequest.Mode.UPDATE : WriteRequest.Mode.REPLACE;
        return new WriteRequest(mode, format, path, Values.node(model, path, command.get("value")));
    }

    private static CreateRequest create(JsonNode command, LwM2mModel model, ContentFormat format) {
        LwM2mPath path = new LwM2mPath(command.get("path").asText());
        var resources = Values.resources(model, path, command.get("value"));
        int object = path.getObjectId();
        if (!command.path("instance").isInt()) {
            return new CreateRequest(format, object, resources);
        }
        int instance = command.get("instance").asInt();
        return new CreateRequest(format, object, new LwM2mObjectInstance(instance, resources));
    }

    private static WriteCompositeRequest writeComposite(
            JsonNode command, LwM2mModel model, ContentFormat format) {
        Map<LwM2mPath, LwM2mNode> nodes = new LinkedHashMap<>();
        command.get("values").fields().forEachRemaining(field -> {
            LwM2mPath path = new LwM2mPath(field.getKey());
            nodes.put(path, Values.node(model, path, field.getValue()));
        });
        return new WriteCompositeRequest(format, nodes, null);
    }

    private static DownlinkDeviceManagementRequest<? extends LwM2mResponse> cancel(
            JsonNode command, Collection<Observation> observations) {
        Observation found = find(command, observations);
        return found instanceof SingleObservation single
                ? new CancelObservationRequest(single)
                : new CancelCompositeObservationRequest((CompositeObservation) found);
    }

    /** Returns the observation of the command's path or paths. */
    static Observation find(JsonNode command, Collection<Observation> observations) {
        for (Observation observation : observations) {
            if (observation instanceof SingleObservation single
                    && single.getPath().toString().equals(command.path("path").asText())) {
                return observation;
            }
            if (observation instanceof CompositeObservation composite && command.has("paths")
                    && composite.getPaths().equals(LwM2mPath.getLwM2mPathList(paths(command)))) {
                return observation;
            }
        }
        throw new IllegalArgumentException("there is no such observation");
    }

    private static Collection<LwM2mAttribute<?>> attributes(String query) throws Exception {
        return new DefaultLwM2mAttributeParser().parseUriQuery(query);
    }

    private static List<String> paths(JsonNode command) {
        List<String> out = new ArrayList<>();
        command.get("paths").forEach(path -> out.add(path.asText()));
        return out;
    }

    private static ContentFormat format(JsonNode command, String name) {
        return command.path(name).isInt() ? ContentFormat.fromCode(command.get(name).asInt()) : null;
    }

    static Registration registered(Registration registration, String endpoint) {
        if (registration == null) {
            throw new IllegalArgumentException(endpoint + " is not registered");
        }
        return registration;
    }
}
