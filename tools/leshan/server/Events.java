package nudge;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Instant;
import java.util.Collection;
import org.eclipse.leshan.core.link.Link;
import org.eclipse.leshan.core.node.LwM2mNode;
import org.eclipse.leshan.core.node.LwM2mPath;
import org.eclipse.leshan.core.node.TimestampedLwM2mNode;
import org.eclipse.leshan.core.node.TimestampedLwM2mNodes;
import org.eclipse.leshan.core.observation.CompositeObservation;
import org.eclipse.leshan.core.observation.Observation;
import org.eclipse.leshan.core.observation.SingleObservation;
import org.eclipse.leshan.core.request.BindingMode;
import org.eclipse.leshan.core.request.SendRequest;
import org.eclipse.leshan.core.response.LwM2mResponse;
import org.eclipse.leshan.core.response.ObserveCompositeResponse;
import org.eclipse.leshan.core.response.ObserveResponse;
import org.eclipse.leshan.server.LeshanServer;
import org.eclipse.leshan.server.observation.ObservationListener;
import org.eclipse.leshan.server.queue.PresenceListener;
import org.eclipse.leshan.server.registration.Registration;
import org.eclipse.leshan.server.registration.RegistrationListener;
import org.eclipse.leshan.server.registration.RegistrationUpdate;
import org.eclipse.leshan.server.send.SendListener;

/** What happens at the server, a JSON line each. */
final class Events
        implements RegistrationListener, PresenceListener, ObservationListener, SendListener {

    static void of(LeshanServer server) {
        Events events = new Events();
        server.getRegistrationService().addListener(events);
        server.getPresenceService().addListener(events);
        server.getObservationService().addListener(events);
        server.getSendService().addListener(events);
    }

    static ObjectNode facts(String name, Registration registration) {
        StringBuilder binding = new StringBuilder();
        for (BindingMode mode : registration.getBindingMode()) {
            binding.append(mode);
        }
        ObjectNode out = about(name, registration);
        out.put("location", "/rd/" + registration.getId())
                .put("version", registration.getLwM2mVersion().toString())
                .put("lifetime_s", registration.getLifeTimeInSec())
                .put("binding", binding.toString())
                .put("queue_mode", registration.usesQueueMode())
                .put("sms_number", registration.getSmsNumber())
                .put("root", registration.getRootPath());
        ArrayNode links = out.putArray("links");
        for (Link link : registration.getObjectLinks()) {
            links.add(link.toCoreLinkFormat());
        }
        ArrayNode formats = out.putArray("content_formats");
        registration.getSupportedContentFormats().forEach(f -> formats.add(f.getCode()));
        return out;
    }

    private static ObjectNode about(String name, Registration registration) {
        return Lines.event(name).put("endpoint", registration.getEndpoint());
    }

    @Override
    public void registered(Registration now, Registration before, Collection<Observation> ended) {
        Lines.say(facts("registered", now).put("replaced", before != null));
    }

    @Override
    public void updated(RegistrationUpdate update, Registration now, Registration before) {
        Lines.say(facts("updated", now));
    }

    @Override
    public void unregistered(
            Registration gone, Collection<Observation> ended, boolean expired, Registration by) {
        if (by == null) {
            Lines.say(about(expired ? "expired" : "deregistered", gone));
        }
    }

    @Override
    public void onAwake(Registration registration) {
        Lines.say(about("awake", registration));
    }

    @Override
    public void onSleeping(Registration registration) {
        Lines.say(about("asleep", registration));
    }

    @Override
    public void newObservation(Observation observation, Registration registration) {
        Lines.say(named(about("observing", registration), observation));
    }

    @Override
    public void cancelled(Observation observation) {
        Lines.say(named(Lines.event("observation_ended"), observation));
    }

    @Override
    public void onResponse(SingleObservation of, Registration from, ObserveResponse response) {
        ObjectNode out = named(notification(from, response), of);
        out.set("value", Values.json(response.getContent()));
        if (response.getTimestampedLwM2mNodes() != null) {
            ArrayNode samples = out.putArray("samples");
            for (TimestampedLwM2mNode node : response.getTimestampedLwM2mNodes()) {
                add(samples, node.getTimestamp(), of.getPath(), node.getNode());
            }
        }
        Lines.say(out);
    }

    @Override
    public void onResponse(
            CompositeObservation of, Registration from, ObserveCompositeResponse response) {
        ObjectNode out = named(notification(from, response), of);
        if (response.getContent() != null) {
            out.set("value", Values.json(response.getContent()));
        }
        if (response.getTimestampedLwM2mNodes() != null) {
            addAll(out.putArray("samples"), response.getTimestampedLwM2mNodes());
        }
        Lines.say(out);
    }

    @Override
    public void onError(Observation of, Registration from, Exception thrown) {
        Lines.say(named(about("notification", from), of).setAll(Lines.error(thrown)));
    }

    @Override
    public void dataReceived(Registration from, TimestampedLwM2mNodes data, SendRequest request) {
        ObjectNode out = about("send", from);
        out.put("content_format", request.getFormat().getCode());
        addAll(out.putArray("samples"), data);
        Lines.say(out);
    }

    @Override
    public void onError(Registration from, String text, Exception thrown) {
        ObjectNode out = from == null ? Lines.event("send") : about("send", from);
        Lines.say(out.setAll(Lines.error(thrown)));
    }

    private static ObjectNode notification(Registration from, LwM2mResponse response) {
        return Operations.answered(about("notification", from), response);
    }

    private static ObjectNode named(ObjectNode out, Observation observation) {
        if (observation instanceof SingleObservation single) {
            return out.put("path", single.getPath().toString());
        }
        ArrayNode paths = out.putArray("paths");
        ((CompositeObservation) observation).getPaths().forEach(p -> paths.add(p.toString()));
        return out;
    }

    private static void addAll(ArrayNode samples, TimestampedLwM2mNodes data) {
        for (Instant time : data.getTimestamps()) {
            data.getNodesAt(time).forEach((path, node) -> add(samples, time, path, node));
        }
    }

    /** Adds a value as [Unix seconds or null, path, value]. */
    private static void add(ArrayNode samples, Instant time, LwM2mPath path, LwM2mNode node) {
        Double seconds = time == null ? null : Double.valueOf(time.toEpochMilli() / 1000.0);
        samples.addArray().add(seconds).add(path.toString()).add(Values.json(node));
    }
}
